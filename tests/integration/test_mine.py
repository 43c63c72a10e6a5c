"""A whole roster on a real platform: a pupil, a parent and a teacher are told what they may see, and see nobody else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from catalog import City, names
from catalog.access import Action, Scope
from catalog.school import School
from derive import grants, questions, session_token, store
from derive.lesson import lesson_id, record_key
from ops import lesson as publishing
from ops.lessons import library
from ops.lessons.place import Place
from tests.integration import viewer
from tests.integration.conftest import Platform
from tests.integration.test_audit import PATIENCE_SECONDS, traced
from tests.integration.test_identity import Account, account, admin, chromium, page, to_sign_in  # noqa: F401  # four of them fixtures
from tests.integration.test_player_page import AT, until
from tests.integration.test_roster import folder, huiju, keeping, where  # noqa: F401  # two of them fixtures

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
VIEW = frozenset({Action.VIEW})
TRIES = 60
"""Seconds for which a question that is one too many is asked again."""


@dataclass(frozen=True)
class Somebody:
    """A person of the roster, with whom they are to see."""

    id: str
    tier: str
    school: str
    sees: frozenset[str]


@dataclass(frozen=True)
class People:
    """Three who ask, and everybody who can be asked about."""

    pupil: Somebody
    parent: Somebody
    teacher: Somebody
    pupils: frozenset[str]


def _tier(known: City, scope: Scope) -> str:
    """The tier that sees profiles with just this scope."""
    return next(each.id for each in known.tiers if grants.scopes(known, questions.PROFILE, each.id, VIEW) == {scope})


@pytest.fixture(scope="module")
def people(platform: Platform, where: Any, folder: Any) -> Iterator[People]:  # noqa: F811  # the fixtures
    """The roster taken in, and three of its people as the database has them."""
    known = viewer.city(platform)
    huiju(platform, "import", str(folder))
    own, child, group = (_tier(known, scope) for scope in (Scope.OWN, Scope.CHILD, Scope.CLASS))
    with keeping(where) as connection:

        def rows(words: str, *given: Any) -> list[tuple[Any, ...]]:
            return connection.execute(words, given).fetchall()

        pupils = frozenset(one for (one,) in rows("SELECT person::text FROM roles WHERE tier = %s", own))
        of_two = (
            "SELECT guardian::text, array_agg(child::text) FROM guardians GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        )
        [(parent, children)] = rows(of_two)
        old = """SELECT t.person::text, array_agg(p.id::text) FROM enrolments t JOIN roles r ON r.person = t.person AND r.tier = %s
            JOIN enrolments e ON e.class = t.class JOIN people p ON p.id = e.person
            JOIN roles s ON s.person = p.id AND s.tier = %s WHERE p.minor_until IS NULL GROUP BY 1 ORDER BY 1 LIMIT 1"""
        [(teacher, class_of_old)] = rows(old, group, own)
        place = "SELECT place FROM roles WHERE person = %s AND main"
        [(school,)], [(their_school,)] = rows(place, parent), rows(place, teacher)
    assert len(children) == 2, "a roster has parents of two"
    yield People(
        Somebody(children[0], own, school, frozenset({children[0]})),
        Somebody(parent, child, school, frozenset(children)),
        Somebody(teacher, group, their_school, frozenset(class_of_old)),
        pupils,
    )


def get(platform: Platform, token: str, path: str) -> viewer.Answer:
    return viewer.ask(platform, f"/access/{path}", Authorization=f"Bearer {token}")


def session(platform: Platform, somebody: Somebody, subject: str = "a-test") -> str:
    return viewer.person(platform, somebody.tier, somebody.school, somebody.id, subject)


def seen(platform: Platform, token: str, pupils: list[str]) -> set[str]:
    """Whom of these the session sees; everybody else is refused in words."""

    def asked(one: str) -> str | None:
        answer = get(platform, token, f"people/{one}")
        for _ in range(TRIES):
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                break
            # The gateway lets so many in each second, whoever asks.
            time.sleep(1)
            answer = get(platform, token, f"people/{one}")
        if answer.status == 200:
            assert answer.json["person"] == one
            return one
        assert (answer.status, bool(answer.json["en"]), bool(answer.json["zh"])) == (403, True, True), answer
        return None

    with ThreadPoolExecutor(8) as pool:
        return {one for one in pool.map(asked, pupils) if one}


def test_each_is_told_who_they_are_and_what_is_theirs(platform: Platform, people: People) -> None:
    known = viewer.city(platform)
    for somebody in (people.pupil, people.parent, people.teacher):
        body = get(platform, session(platform, somebody), "mine").json
        tier = next(each for each in known.tiers if each.id == somebody.tier)
        school = known.school(somebody.school)
        assert (body["tier"], body["school"]) == (tier.name.model_dump(), school.name.model_dump())
        assert [each["id"] for each in body["resources"]] == [each.id for each in known.resources]
        assert len(body["children"]) == (len(somebody.sees) if somebody is people.parent else 0)
        assert bool(body["classes"]) is (somebody is not people.parent)
        assert not any(one in json.dumps(body) for one in people.pupils)


def test_a_parent_sees_only_their_own_children(
    platform: Platform, people: People, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    others = sorted(people.pupils - people.parent.sees)
    some = others[:: max(1, len(others) // campaign(400, len(others)))]
    found = seen(platform, session(platform, people.parent), [*people.parent.sees, *some])
    assert found == people.parent.sees
    print(f"refused: {len(some)} of {len(others)} other pupils")
    proof("a parent asks for every pupil of the city", f"{len(found)} own children seen, {len(some)} others refused")


def test_a_pupil_sees_only_themself_and_a_teacher_only_who_needs_no_guardian_in_their_classes(
    platform: Platform, people: People, campaign: Callable[[int, int], int]
) -> None:
    for somebody in (people.pupil, people.teacher):
        others = sorted(people.pupils - somebody.sees)
        some = others[:: max(1, len(others) // campaign(100, len(others)))]
        assert seen(platform, session(platform, somebody), [*somebody.sees, *some]) == somebody.sees
        print(f"refused: {len(some)} of {len(others)} other pupils")


def test_what_is_kept_of_a_pupil_is_school_class_and_whether_a_guardian_has_a_say(
    platform: Platform, people: People
) -> None:
    body = get(platform, session(platform, people.parent), f"people/{people.pupil.id}").json
    assert set(body) == {"person", "schools", "classes", "guardian_has_a_say"}
    assert [each["code"] for each in body["schools"]] == [people.pupil.school]
    assert len(body["classes"]) == 1


def test_a_trial_session_and_nobody_see_nobody(platform: Platform, people: People) -> None:
    trial = viewer.session(platform, people.parent.tier, people.parent.school)
    answers = [
        get(platform, trial, f"people/{people.pupil.id}"),
        viewer.ask(platform, f"/access/people/{people.pupil.id}"),
    ]
    assert [(each.status, each.json["reason"]) for each in answers] == [
        (403, "session-without-person"),
        (403, "sign-in-first"),
    ]


@pytest.fixture
def shelf(platform: Platform, people: People, where: Place) -> Iterator[tuple[str, str, School]]:  # noqa: F811
    """Two lessons that are not for the public: the pupil's school's, with the sample's own media, and one out of reach, with its owner."""
    known, sample = viewer.city(platform), publishing.publish_sample(platform.stack).rpartition("=")[2]
    own = people.pupil.school
    near = {code for each in known.agreements if own in each.schools for code in each.schools} | {own}
    far = next(school for school in known.schools if school.code not in near)
    made = {code: lesson_id(uuid4().hex, code) for code in (own, far.code)}
    with where.bucket(store.PACKAGER, names.VIDEO_LIBRARY, names.BUCKET_LESSONS) as lessons:
        record = json.dumps(lessons.read_json(record_key(sample)))
        for key, _, _ in lessons.objects(f"{sample}/"):
            if (found := lessons.get(key)) and "/~" not in key:
                lessons.put(key.replace(sample, made[own]), found[0], "public, max-age=60")
        for code, each in made.items():
            terms = {"school": {"code": code}, "licence": {"id": viewer.strict_licence(known)}}
            body = {**json.loads(record.replace(sample, each)), **terms}
            lessons.put(record_key(each), json.dumps(body).encode(), "public, max-age=60")
    yield made[own], made[far.code], far
    with where.buckets() as (uploads, lessons):
        for each in made.values():
            library.remove(uploads, lessons, each, timedelta(days=1))


def test_in_a_browser_a_pupil_plays_what_is_theirs_and_a_parent_sees_their_own_children(
    platform: Platform,
    people: People,
    account: Account,  # noqa: F811
    page: Page,  # noqa: F811
    shelf: tuple[str, str, School],
) -> None:
    top, (theirs, closed, owner) = platform.url.rstrip("/"), shelf
    for name, somebody in (("p-0101", people.pupil), ("p-0102", people.parent)):
        account(name, somebody.tier, somebody.school, person=somebody.id)
    page.goto(f"{top}/?lesson={theirs}")
    page.wait_for_selector("#refusal[data-reason=sign-in-needed]")

    to_sign_in(page, platform, "p-0101")
    page.wait_for_url(f"{top}/")
    page.goto(f"{top}/?lesson={theirs}")
    page.wait_for_selector("video")
    page.evaluate("(video => { video.muted = true; return video.play(); })(document.querySelector('video'))")
    until(page, f"{AT} > 1")
    page.goto(f"{top}/?lesson={closed}")
    page.wait_for_selector("#refusal[data-reason=out-of-reach]")
    assert owner.name.en in page.inner_text("#refusal"), "in plain words: whose lesson it is, and that nothing opens it"
    assert page.locator("video").count() == 0

    page.goto(f"{top}/access/sign-out")
    page.wait_for_url(f"{top}/")
    to_sign_in(page, platform, "p-0102")
    page.wait_for_url(f"{top}/")
    page.goto(f"{top}/#mine")
    page.wait_for_selector("#my-children-list")
    assert page.locator("#my-children-list li").count() == len(people.parent.sees)
    for pupil in (*people.parent.sees, min(people.pupils - people.parent.sees)):
        answer = page.request.get(f"{top}/access/people/{pupil}")
        wanted = (200, None) if pupil in people.parent.sees else (403, "profile-out-of-reach")
        assert (answer.status, answer.json().get("reason")) == wanted


@contextmanager
def at_another_school(where: Any, somebody: Somebody, place: str) -> Iterator[None]:  # noqa: F811
    """The same role at a second school, as a parent with children at two has it."""
    with keeping(where) as connection:
        connection.execute(
            "INSERT INTO roles SELECT person, %s, role, tier, false, begins, ends FROM roles WHERE person = %s AND main",
            (place, somebody.id),
        )
    try:
        yield
    finally:
        with keeping(where) as connection:
            connection.execute("DELETE FROM roles WHERE person = %s AND place = %s", (somebody.id, place))


def test_in_a_browser_a_parent_of_two_schools_chooses_which_to_be_here_for(
    platform: Platform,
    people: People,
    where: Any,  # noqa: F811
    account: Account,  # noqa: F811
    page: Page,  # noqa: F811
) -> None:
    top, parent = platform.url.rstrip("/"), people.parent
    second = next(each for each in viewer.city(platform).schools if each.code != parent.school)
    account("p-0103", parent.tier, parent.school, person=parent.id)
    with at_another_school(where, parent, second.code):
        page.goto(f"{top}/")
        to_sign_in(page, platform, "p-0103")
        page.wait_for_url(f"{top}/")
        before = page.request.get(f"{top}/access/session").json()
        page.goto(f"{top}/#mine")
        page.locator("#use-as-list button", has_text=second.name.en).click()
        expect(page.locator("#here-as")).to_contain_text(second.name.en)
        now = page.request.get(f"{top}/access/session").json()
        assert before["school"]["en"] != now["school"]["en"] == second.name.en
        assert page.locator("#my-children-list li").count() == len(parent.sees), "children are theirs wherever they act"
        (session,) = (each for each in page.context.cookies() if each["name"] == session_token.COOKIE)
    gone = page.request.post(f"{top}/access/use-as", data={"tier": parent.tier, "school": second.code})
    assert (gone.status, gone.json()["reason"]) == (403, "capacity-not-yours"), "the register says it no more"
    assert session["httpOnly"] and session["secure"]


def test_a_parent_s_refusal_is_on_record(platform: Platform, people: People) -> None:
    subject, stranger = f"parent-{time.time_ns():x}", min(people.pupils - people.parent.sees)
    assert get(platform, session(platform, people.parent, subject), f"people/{stranger}").status == 403
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := traced(platform, "--who", subject)) and time.monotonic() < end:
        time.sleep(2)
    (record,) = found
    assert (record["kind"], record["why"]) == ("refusal", "profile-out-of-reach")
    assert record["what"] == {"action": "view", "resource": f"{questions.PROFILE}/{stranger}"}


def test_who_is_switched_off_sees_nothing_from_then_on(platform: Platform, people: People, where: Any) -> None:  # noqa: F811
    token = session(platform, people.parent)
    assert get(platform, token, "mine").status == 200
    with keeping(where) as connection:
        connection.execute("UPDATE people SET enabled = false WHERE id = %s", (people.parent.id,))
    try:
        for path in ("mine", f"people/{people.pupil.id}"):
            answer = get(platform, token, path)
            assert (answer.status, answer.json["reason"]) == (403, "person-left")
    finally:
        with keeping(where) as connection:
            connection.execute("UPDATE people SET enabled = true WHERE id = %s", (people.parent.id,))


def test_the_service_s_log_names_nobody_of_the_roster(platform: Platform, people: People) -> None:
    log = platform.cluster.kubectl("logs", "-n", "entitlement", "deployment/entitlement", "--tail=2000")
    assert not any(one in log for one in people.pupils | {people.parent.id, people.teacher.id})


def test_a_role_counts_to_the_end_of_its_last_day_in_the_city(platform: Platform, people: People, where: Any) -> None:  # noqa: F811
    today = datetime.now(UTC).astimezone(ZoneInfo(viewer.city(platform).timezone)).date()
    token, found = session(platform, people.pupil), []
    try:
        for last in (today + timedelta(days=1), today - timedelta(days=1)):
            with keeping(where) as connection:
                connection.execute("UPDATE roles SET ends = %s WHERE person = %s", (last, people.pupil.id))
            found.append(get(platform, token, "mine"))
    finally:
        with keeping(where) as connection:
            connection.execute("UPDATE roles SET ends = 'infinity' WHERE person = %s", (people.pupil.id,))
    assert found[0].status == 200
    assert (found[1].status, found[1].json["reason"]) == (403, "person-without-role")
