"""Tokens of every state, by every trick of method and path, at the gateway and at the shield, cold and warm; and sessions at the gateway.

The table is `tests.tricks`; tests/enforcement/test_tricks_at_caches.py asks it of every cache by itself, without a cluster.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import pytest

from catalog import City
from derive import keys, readers, session_token, store
from tests import tricks
from tests.integration import point, viewer
from tests.integration.conftest import Platform
from tests.integration.point import Point
from tests.integration.test_platform import client, forwarded
from tests.tricks import AWAY, ELSEWHERE, ONE, OTHER, THEMSELVES, TOKENS, TRICKS, Asked, Trick, media, spoilt, wanted

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
SAMPLE = 100
"""Combinations of `make test` with a token that is not good, beside all with a good one or none; all of them in `make proof`."""


@pytest.fixture(scope="module")
def city(platform: Platform) -> City:
    return viewer.city(platform)


@pytest.fixture(scope="module")
def gateway(platform: Platform) -> Point:
    return point.gateway(platform)


@pytest.fixture(scope="module")
def cache(platform: Platform) -> Iterator[Point]:
    """The shield itself: the gateway would tidy paths up before it sees them."""
    with point.shield_itself(platform) as found:
        yield found


@pytest.fixture(scope="module")
def tokens(platform: Platform, city: City) -> dict[str, str | None]:
    """State -> a token for `ONE`."""
    return tricks.tokens(partial(viewer.minted, platform, ONE), city.schools[0].code)


Case = tuple[int, Point, Trick, str]
"""Number, where, how and with what."""


@pytest.fixture(scope="module")
def cases(platform: Platform, gateway: Point, cache: Point, campaign: Callable[[int, int], int]) -> list[Case]:
    """Each with a segment of its own in both lessons, which nobody has asked for yet."""
    every = [(n, *each) for n, each in enumerate(product((gateway, cache), TRICKS, TOKENS))]
    always = [each for each in every if each[3] in {"good", "none"}]
    rest = [each for each in every if each not in always]
    chosen = [*always, *random.Random(20261128).sample(rest, min(campaign(SAMPLE, 10**9), len(rest)))]
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, "video-library")
        for number, *_ in chosen:
            for lesson in (ONE, OTHER):
                key = f"{lesson}/h/{number}.m4s"
                packager.put_object(Bucket="lessons", Key=key, Body=media(lesson), CacheControl="public, max-age=3600")
    return chosen


def test_only_a_good_token_opens_a_lesson_and_no_trick_another(  # noqa: PLR0917
    platform: Platform,
    cache: Point,
    tokens: Mapping[str, str | None],
    cases: list[Case],
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    passes = {lesson: viewer.cookie(viewer.minted(platform, lesson, seconds=3600)) for lesson in (ONE, OTHER)}
    asked = Asked()

    def warmed(number: int) -> None:
        for lesson, cookie in passes.items():
            answer = THEMSELVES[lesson].at(cache, {"Cookie": cookie}, number)
            assert answer == (200, media(lesson)), "what the cache is warmed with"

    for number, asked_at, trick, state in cases:
        token, right = tokens[state], wanted(state, trick)
        shown = {"Cookie": viewer.cookie(token)} if token else {}
        asked.twice(asked_at, trick, shown, number, right=right, warmed=warmed, facts=state)
    said = f"{asked.number:,} requests at gateway and shield, cold and warm, {asked.served} served, {len(asked.wrong)} mismatches"
    with capsys.disabled():
        print(f"\ntricks with video tokens: {said}")
    proof("access: video tokens of every state by every trick of method and path", said)
    assert not asked.wrong, asked.wrong
    assert asked.served >= 2 * sum(bool(wanted(state, trick)) for _, _, trick, state in cases)


QUERY = "/monitoring/api/v1/query?query=vector(1)"
ANSWERED = b'"status":"success"'
QUERIES = (
    Trick("same", QUERY),
    Trick("same", QUERY, host="{HOST}"),
    Trick("same", QUERY, host="{host}:443"),
    Trick("near", "/monitoring/api/v1/./query?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/x/../query?query=vector(1)"),
    Trick("near", "/monitoring/dashboards/../api/v1/query?query=vector(1)"),
    Trick("near", "/lessons/../monitoring/api/v1/query?query=vector(1)"),
    Trick("near", "//monitoring/api/v1/query?query=vector(1)"),
    Trick("near", "/monitoring//api/v1/query?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/%71uery?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/%2571uery?query=vector(1)"),
    Trick("near", "/monitoring/api%2Fv1/query?query=vector(1)"),
    Trick("near", "https://{host}" + QUERY),
    Trick("never", QUERY, "POST", headers={"Content-Length": "0"}),
    Trick("never", "/api/v1/query?query=vector(1)"),
    Trick("never", "/monitoring/api/v1/labels"),
    Trick("never", "/monitoring/api/v1/query/../labels"),
    Trick("never", "/monitoring/api/v1/query/../status/config"),
    Trick("never", QUERY, host="portal.portal"),
    Trick("never", QUERY, host="prometheus.monitoring:9090"),
)
SESSIONS: dict[str, dict[str, Any] | None] = {
    **{state: given for state, given in TOKENS.items() if state not in {ELSEWHERE, AWAY}},
    "of another key": {"purpose": keys.VIDEO},
    "of another tier": {session_token.TIER: "student"},
    "of no tier": {session_token.TIER: None},
}


def _session(platform: Platform, tier: str, state: str, given: Mapping[str, Any]) -> str:
    """A session token of the test's own making; a claim that is None is left out. The gateway allows for a minute of wrong clocks."""
    purpose, past = given.get("purpose", keys.SESSION), min(0, given.get("seconds", 0))
    start = int(time.time()) - (7200 if past else 0)
    claims = session_token.claims(platform.url.rstrip("/"), tier, "a-test", start, 1.0)
    claims |= {key: value for key, value in given.items() if key not in {"purpose", "seconds"}}
    claims = {key: value for key, value in claims.items() if value is not None}
    return spoilt(state, viewer.signer(platform, keys.SESSION, by=purpose)(claims))


def test_only_a_good_session_of_a_reader_gets_to_the_figures(
    platform: Platform,
    gateway: Point,
    city: City,
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tier, wrong, asked, opened = readers.dashboard_tiers(city)[0].id, [], 0, 0
    for (state, given), trick, bearer in product(SESSIONS.items(), QUERIES, (True, False)):
        token = None if given is None else _session(platform, tier, state, given)
        carried = {"Authorization": f"Bearer {token}"} if bearer else {"Cookie": f"{session_token.COOKIE}={token}"}
        status, body = trick.at(gateway, carried if token else {})
        got, right = ANSWERED in body, wanted(state, trick)
        asked, opened = asked + 1, opened + got
        wrong += [(str(trick), state, bearer, status)] if got is not right and right is not None else []
    said = f"{asked:,} requests at the gateway, {opened} answered, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\ntricks with sessions: {said}")
    proof("access: sessions of every state by every trick of method and path", said)
    assert not wrong, wrong
    assert opened >= 6
