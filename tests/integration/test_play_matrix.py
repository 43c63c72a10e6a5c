"""Who may play what, over real HTTP: people of every tier and school, lessons of every licence, owner and age, against the plain reference.

Asked at the gateway and of the entitlement service behind it. The reference is that of the compiled policies and shares no code with them.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple

import pytest

from catalog import City, names
from catalog.access import Scope
from derive import keys, session_token, store
from infra.plan.objects import HTTP
from policies.access.deciding import Question
from policies.access.entities import Person, Thing
from tests.integration import point, viewer
from tests.integration.conftest import Platform
from tests.integration.point import Point
from tests.integration.test_platform import client, forwarded
from tests.policies import reference, situations
from tests.policies.test_service_agrees import PLAYING, people

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
SAMPLE = 1_500
"""Requests of `make test`, half of them about what is allowed; all of them, several thousand, in `make proof`."""
OPENED = 60
"""How many of the tokens that are given are shown to the cache."""
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
DAY, HOUR = 86_400, 3_600
MEDIA = b"a segment of the matrix"


class Asked(NamedTuple):
    """One request: at which point, with whose session, for which lesson."""

    point: Point
    who: Person
    what: Thing


@pytest.fixture(scope="module")
def city(platform: Platform) -> City:
    return viewer.city(platform)


def lessons(city: City, now: int) -> Iterator[Thing]:
    """A lesson of each owner under each licence: just published, an hour before its term ends, an hour after, and not yet published."""
    numbers = iter(range(len(LETTERS) ** 2))
    terms = {each.id: each.window_days for each in city.licences} | {"no-such-licence": None}
    for owner, (licence, days) in product(situations.owners(city), terms.items()):
        ages = [HOUR, -DAY, *((days * DAY - HOUR, days * DAY + HOUR) if days else ())]
        for age in ages:
            high, low = divmod(next(numbers), len(LETTERS))
            name = f"l-playmatrixplay{LETTERS[high]}{LETTERS[low]}"
            yield Thing(name, names.RESOURCE_LESSON, school=owner, licence=licence, published=now - age)


@pytest.fixture(scope="module")
def published(platform: Platform, city: City) -> Iterator[list[Thing]]:
    """The lessons with their records and a piece of media, in the real store; they are gone afterwards."""
    found = list(lessons(city, int(time.time())))
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, "video-library")
        for each in found:
            record = {
                "id": each.id,
                "title": "matrix",
                "school": {"code": each.school},
                "licence": {"id": each.licence},
                "published": datetime.fromtimestamp(each.published or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "master": f"{each.id}/h/master.m3u8",
            }
            for name, body in (("lesson.json", json.dumps(record).encode()), ("h/master.m3u8", MEDIA)):
                key = f"{each.id}/{name}"
                packager.put_object(Bucket="lessons", Key=key, Body=body, CacheControl="public, max-age=60")
    yield found
    with forwarded(platform) as endpoint:
        admin = client(platform, endpoint, store.ADMIN, "object-store")
        pages = admin.get_paginator("list_object_versions").paginate(Bucket="lessons", Prefix="l-playmatrixplay")
        for each in (row for page in pages for row in page.get("Versions", ())):
            admin.delete_object(Bucket="lessons", Key=each["Key"], VersionId=each["VersionId"])


def sessions(platform: Platform, known: list[Person]) -> dict[str, str]:
    """A session token of the test's own making for each person, by id."""
    sign, issuer, now = viewer.signer(platform, keys.SESSION), platform.url.rstrip("/"), int(time.time())
    found = {}
    for who in known:
        school = who.schools[0] if who.schools else None
        claims = session_token.claims(
            issuer, who.tier, who.id, now, 2.0, school=school, district=who.district, partner=who.partner
        )
        found[who.id] = sign(claims)
    return found


def wanted(city: City, asked: Asked, now: int) -> bool:
    """What the reference says; sessions that name nobody of the roster hold no seat."""
    questions = (Question(asked.who, action, asked.what, now, seat=False) for action in PLAYING)
    return any(reference.allowed(city, each) for each in questions)


def chosen(city: City, every: list[Asked], number: int) -> list[Asked]:
    """So many of them, always the same ones, half of them about what is allowed; all, where there are no more."""
    if number >= len(every):
        return every
    now, dice = int(time.time()), random.Random(20261128)
    sides: dict[bool, list[Asked]] = {True: [], False: []}
    for each in every:
        sides[wanted(city, each, now)].append(each)
    half = min(number // 2, len(sides[True]))
    return [*dice.sample(sides[True], half), *dice.sample(sides[False], number - half)]


def play(asked: Asked, tokens: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of the request."""
    token = tokens.get(asked.who.id)
    who = {"Authorization": f"Bearer {token}"} if token else {}
    headers = {"Host": "localhost", "Content-Length": "0", "X-Token-In-Body": "1", **who}
    return asked.point.ask("POST", f"/access/play/{asked.what.id}", headers)


def test_everybody_plays_what_the_reference_says_and_nothing_else(  # noqa: PLR0917
    platform: Platform,
    city: City,
    published: list[Thing],
    campaign: Callable[[int, int], int],
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Without a session one is of the public.
    nobody = Person("nobody", viewer.tier_of(city, Scope.PUBLIC))
    known, door = list(people(city)), point.gateway(platform)
    tokens, wrong, opened, allowed = sessions(platform, known), [], 0, 0
    with point.behind(platform, names.ENTITLEMENT, names.ENTITLEMENT, HTTP) as service:
        every = [Asked(*each) for each in product((door, service), [*known, nobody], published)]
        requests = chosen(city, every, campaign(SAMPLE, 10**9))
        for asked in requests:
            right = wanted(city, asked, int(time.time()))
            status, body = play(asked, tokens)
            token = json.loads(body).get("token") if status in {200, 403} else None
            if status != (200 if right else 403) or bool(token) is not right:
                wrong.append((asked.point.name, asked.who, asked.what, right, status, body[:120]))
            allowed += right
            if token and opened < OPENED:
                shown = {"Host": "localhost", "Cookie": viewer.cookie(token)}
                assert door.ask("GET", f"/lessons/{asked.what.id}/h/master.m3u8", shown) == (200, MEDIA)
                opened += 1
    said = f"{len(requests):,} of {len(every):,} requests to play, {allowed:,} allowed, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nplaying over HTTP, city {city.id}: {said}")
    proof(
        f"access: requests to play over HTTP at the gateway and the service, city {city.id}, against the reference",
        said,
    )
    assert not wrong, wrong[:10]
    assert opened == OPENED
