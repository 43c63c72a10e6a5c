"""One run over everything that access depends on, over real HTTP, each point of enforcement asked by itself; no cluster.

The service is the one of the pod, with its clock set to both sides of every edge of every licence and agreement; the caches are Traffic
Server with the kit's own files, the shield's for the city's place and a box's, asked by TLS, for a school's, their clocks at the same
moment. What is right is said by the plain reference, which shares no code with any of them, and by Cedar over the compiled policies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog.access import Action, Scope
from derive import identity, session_token, video_token
from derive.questions import Person, Question
from policies.access import words
from policies.access.deciding import Judge
from services.entitlement import use_as
from tests.enforcement import asking
from tests.enforcement.asking import LATER, Crowd, Tally
from tests.enforcement.product import CITY, LESSONS, MOMENTS, NOBODY, PACKAGED, PLAY, SCHOOL, WAYS, plain
from tests.enforcement.register import SEATED, Member, Register
from tests.entitlement_server import ISSUER, Running, session, signed
from tests.integration.point import Point
from tests.policies import reference

pytestmark = [pytest.mark.integration, pytest.mark.proof, pytest.mark.timeout(3600)]
SAMPLE_MOMENTS, SAMPLE_LATER, SAMPLE_MEMBERS, SAMPLE_CHOOSING = 3, 20, 20, 2
"""Of `make test`."""
SPARE = 2
"""Fetches more than pieces."""
ENDED = CITY.playback.token_minutes * 60 + LATER
"""Seconds after which every token has ended."""
Proof = Callable[[str, str], None]


@pytest.fixture
def tally(campaign: Callable[[int, int], int]) -> Tally:
    return Tally(full=bool(campaign(0, 1)))


@pytest.fixture
def crowd(service: Running) -> Iterator[Crowd]:
    found = Crowd("service", service.port)
    yield found
    found.close()


@pytest.mark.timeout(3 * 3600)
def test_service_and_caches_open_what_the_reference_says_and_nothing_else(
    service: Running, crowd: Crowd, tally: Tally, proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = Judge.of(CITY)
    with asking.stores() as stores:
        for moment in sorted(tally.some(MOMENTS, SAMPLE_MOMENTS)):
            service.at(moment)
            given = list(asking.ask_service(crowd, judge, moment, tally))
            with asking.caches(stores, moment) as found:
                before = stores.asked
                opened = asking.show_given(found, given, moment, tally)
                # A piece that is asked for again while it is being written may be fetched twice on a busy machine.
                assert stores.asked - before <= opened + SPARE + opened // 10, (
                    "a token is part of what a cache knows a piece by"
                )
                asking.show_states(found, moment, tally)
            shown = [each for each in given if each.ends <= moment + LATER]
            for way in WAYS:
                lasting = [each for each in given if each.way is way and each.ends > moment + LATER]
                shown += tally.dice.sample(lasting, min(len(lasting), SAMPLE_LATER))
            with asking.caches(stores, moment + LATER) as found:
                asking.show_later("ten minutes on", found, shown, moment + LATER, tally)
            with asking.caches(stores, moment + ENDED) as found:
                asking.show_later("at their end", found, shown, moment + ENDED, tally)
        assert video_token.COOKIE not in stores.headers, "a token came as far as the store"
    tally.told(
        "tiers x lessons and live classes x playing and taking away x licences x scopes x moments x sessions x tokens x caches",
        proof,
        capsys,
    )


def _profile(service: Point, asked: tuple[Mapping[str, str], str]) -> tuple[int, bytes]:
    headers, person = asked
    return service.ask("GET", f"/access/people/{person}", headers)


def _claimed(said: Person, one: Member) -> dict[str, Any]:
    """Where they belong and who they are in the roster, as a session says it."""
    return {"school": said.schools[0] if said.schools else None, "district": said.district, "person": one.id}


def test_everybody_of_a_roster_sees_whom_the_reference_says_and_nobody_else(  # noqa: PLR0917
    service: Running, crowd: Crowd, known: Register, tally: Tally, proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    judge, members = Judge.of(CITY), list(known.members.values())
    for day in (known.change - timedelta(days=1), known.change):
        moment = int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(CITY.timezone)).timestamp())
        service.at(moment)
        for one in tally.some(members, SAMPLE_MEMBERS):
            who, first = known.asking(one, day), one.roles[0]
            # Whoever has left shows the session of the day before.
            said = who or Person(one.id, first.what, (first.where,))
            token = session(said.tier, one.name, moment - 60, **_claimed(said, one))
            headers = {"Host": "localhost", "Authorization": f"Bearer {token}"}
            answers = crowd.answers(_profile, [(headers, each.id) for each in known.subjects])
            for other, (status, body) in zip(known.subjects, answers, strict=True):
                asked = [Question(said, Action.VIEW, each, moment) for each in known.profiles(other, day)]
                right = who is not None and any(reference.allowed(CITY, each) for each in asked)
                cedar = who is not None and any(each.allowed for each in judge.decide(asked))
                tally.add("questions for a person", (one, other, day, body), got=status == 200, right=right)
                tally.add("verdicts of Cedar", (one, other, day), got=cedar, right=right)
    tally.told("who sees whose profile, over HTTP and row-level security", proof, capsys)


def test_who_holds_a_seat_today_plays_what_the_reference_says_and_nobody_else_does(
    service: Running, known: Register, tally: Tally, proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    point, [bought] = asking.at("service", service.port), [each for each in CITY.licences if each.seats]
    wanted = [each for each in PACKAGED if each.licence in {bought.id, CITY.licences[0].id} and each.school == SCHOOL]
    holders = [each for name, each in known.members.items() if name.startswith(SEATED)]
    # The licence's window opens on the day of the change: seats change on the day after.
    for day in (known.change, known.change + timedelta(days=1)):
        moment = int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(CITY.timezone)).timestamp())
        service.at(moment)
        for one, what, way in product(holders, wanted, WAYS):
            said = Person(one.id, one.roles[0].what, (one.roles[0].where,))
            token = session(said.tier, one.name, moment - 60, **_claimed(said, one))
            seat = known.seated(one, what.licence, day)
            right = any(reference.allowed(CITY, Question(said, each, what, moment, seat)) for each in way.actions)
            status, body = asking.play(point, token, what.id, video_token.CITY, way)
            facts = (one.name, what, way.name, day, body)
            tally.add(f"requests to {way.name} of who may hold a seat", facts, got=status == 200, right=right)
            if what.licence == bought.id and way is PLAY:
                tally.add("of these for what takes one", facts, got=status == 200, right=right)
    tally.told("who plays with and without a paid seat, over HTTP and row-level security", proof, capsys)


def test_everybody_acts_as_what_the_register_has_them_as_today_and_as_nothing_else(
    service: Running, known: Register, tally: Tally, proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    point, day, members = asking.at("service", service.port), known.change, list(known.members.values())
    moment = int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(CITY.timezone)).timestamp())
    service.at(moment)
    offices = {each.division_code: each.id for each in CITY.districts}
    wanted = sorted({(held.what, held.where) for each in members for held in each.roles})
    several = [each for each in members if len(each.roles) > 1]
    for number, one in enumerate([*several, *tally.some(members, SAMPLE_CHOOSING)]):
        shown, first = number % 2 == 1, one.roles[0]
        said = known.asking(one, day) or Person(one.id, first.what, (first.where,))
        factors = [identity.SECOND_FACTOR] if shown else []
        claims = session_token.claims(ISSUER, said.tier, one.name, moment - 60, 2.0, factors=factors, **_claimed(said, one))  # fmt: skip
        token = signed({**claims, session_token.PARTY: identity.CLIENT_PORTAL})
        for what, where in wanted:
            tier = next(each for each in CITY.tiers if each.id == what)
            theirs = one.enabled and any(
                (each.what, each.where) == (what, where) and each.on(day) for each in one.roles
            )
            right = theirs and tier.scope is not Scope.PUBLIC and (shown or not tier.two_factor)
            office = offices.get(where)
            sent = json.dumps({"tier": what, "school": None if office else where, "district": office}).encode()
            headers = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(sent))}
            cookie = {"Cookie": f"{session_token.COOKIE}={token}"}
            status, body = point.ask("POST", use_as.ADDRESS, {**headers, **cookie}, sent)
            assert status in (204, 403), body
            tally.add("choices", (one, what, where, body), got=status == 204, right=right)
    tally.told("who acts as what, over HTTP and row-level security", proof, capsys)


def test_the_page_of_what_one_may_see_says_every_cell_of_the_matrix(
    service: Running, tally: Tally, proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    point, moment = asking.at("service", service.port), MOMENTS[0]
    service.at(moment)
    for tier in CITY.tiers:
        public = tier.scope is Scope.PUBLIC
        who = {} if public else {"Authorization": f"Bearer {session(tier.id, 'someone', moment - 60)}"}
        status, body = point.ask("GET", "/access/mine", {"Host": "localhost", **who})
        assert status == 200, body
        shown = {row["id"]: row["grants"] for row in json.loads(body)["resources"]}
        for resource in CITY.resources:
            rows = [(each["action"]["en"], word["en"]) for each in shown[resource.id]
                    if each["everybody"] is public for word in each["whose"]]  # fmt: skip
            grants = [each for each in resource.grants if tier.id in each.tiers]
            for action, scope in ((action, scope) for action in Action for scope in Scope):
                right = any(action in each.actions and scope in each.scopes for each in grants)
                cell = (words.ACTIONS[action][1], words.whose(resource.held_by, scope)[1])
                tally.add("cells of the matrix", (tier.id, resource.id, *cell), got=cell in rows, right=right)
    tally.told("tiers x classes x actions x scopes on the page of what one may see", proof, capsys)


def test_no_client_chooses_the_moment(service: Running) -> None:
    last = MOMENTS[-1]
    point, what = asking.at("service", service.port), next(each for each in LESSONS if plain(NOBODY, each, last))
    service.at((what.published or 0) - 1)
    date = datetime.fromtimestamp(last, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for said in ({"Date": date}, {"X-Now": str(last)}):
        for query in ("", f"?now={last}", f"?at={last}"):
            headers = {"Host": "localhost", "Content-Length": "0", **said}
            assert point.ask("POST", f"/access/play/{what.id}{query}", headers)[0] == 403
    service.at(last)
    assert asking.play(point, None, what.id, video_token.CITY)[0] == 200
