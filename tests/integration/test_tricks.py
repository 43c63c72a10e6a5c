"""Tokens of every state, by every trick of method and path, at the gateway and at the shield, cold and warm; and sessions at the gateway.

What must be served and what must never be is said by the two `wanted` functions, which know of no rule of the caches or of the gateway.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import jwt
import pytest

from catalog import City, names
from derive import keys, readers, session_token, shield, store
from tests.integration import point, viewer
from tests.integration.conftest import Platform
from tests.integration.point import Point
from tests.integration.test_platform import client, forwarded

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
ONE, OTHER = "l-trickstrickstri2", "l-trickstrickstri3"
MARK = b"a segment of a lesson. "
BODY = MARK * 40
SAMPLE = 100
"""Combinations of `make test` with a token that is not good, beside all with a good one or none; all of them in `make proof`."""
FOR_EVER = 4_000_000_000


class Trick(NamedTuple):
    """One way to ask; ``kind`` says what for: `same` is the thing itself, `near` reads like it once tidied up, `never` is neither."""

    kind: str
    path: str
    method: str = "GET"
    host: str = "localhost"
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.path} of {self.host}"

    def at(self, asked: Point, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of asking so for this path."""
        return asked.ask(self.method, path, {"Host": self.host, **self.headers, **headers})


OWN, FOREIGN = "/lessons/{one}/h/{n}.m4s", "/lessons/{other}/h/{n}.m4s"
TRICKS = (
    Trick("same", OWN),
    Trick("same", OWN, "HEAD"),
    Trick("same", OWN, headers={"Range": "bytes=0-99"}),
    Trick("same", OWN, host="LOCALHOST"),
    Trick("same", OWN, host="localhost:443"),
    Trick("same", OWN + "?x=y"),
    Trick("same", OWN, headers={"Authorization": "Bearer x.y.z"}),
    Trick("near", "/lessons/{one}/./h/{n}.m4s"),
    Trick("near", "/lessons/{one}/h/../h/{n}.m4s"),
    Trick("near", "/lessons/{other}/../{one}/h/{n}.m4s"),
    Trick("near", "/lessons/index.json/../{one}/h/{n}.m4s"),
    Trick("near", "//lessons/{one}/h/{n}.m4s"),
    Trick("near", "/lessons/{one}//h/{n}.m4s"),
    Trick("near", "/lessons/{one}/%68/{n}.m4s"),
    Trick("near", "/lessons/{one}/%2568/{n}.m4s"),
    Trick("near", "/%6Cessons/{one}/h/{n}.m4s"),
    Trick("near", "http://localhost" + OWN),
    Trick("near", "HTTP://LOCALHOST" + OWN),
    Trick("near", "/lessons/{one}/h/poster.jpg/../{n}.m4s"),
    Trick("never", OWN, "POST", headers={"Content-Length": "0"}),
    Trick("never", OWN, "OPTIONS"),
    Trick("never", FOREIGN),
    Trick("never", FOREIGN, "HEAD"),
    Trick("never", FOREIGN, headers={"Range": "bytes=0-99"}),
    Trick("never", FOREIGN, host="LOCALHOST"),
    Trick("never", "/lessons/{one}/../{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/%2e%2e/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/%252e%252e/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..%2f{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..%252f{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..;/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{other}/lesson.json/../h/{n}.m4s"),
    Trick("never", FOREIGN + "?/lessons/{one}/h/{n}.m4s"),
    Trick("never", FOREIGN + "#/lessons/{one}/h/{n}.m4s"),
    Trick("never", "http://localhost/lessons/{one}@x/lessons/{other}/h/{n}.m4s"),
)
TOKENS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "good": {},
    "expired": {"seconds": -600},
    "not yet valid": {"nbf": FOR_EVER},
    "of another key": {"purpose": keys.SESSION},
    "for another audience": {"aud": "elsewhere"},
    "for a school's cache": {"aud": "school"},
    "of another issuer": {"iss": "https://elsewhere.example"},
    "altered": {},
    "signed no more": {},
}


def wanted(state: str, trick: Trick) -> bool | None:
    """Whether a token for the lesson `ONE` opens it; None where either will do."""
    if state != "good" or trick.kind == "never":
        return False
    return True if trick.kind == "same" else None


def _spoilt(state: str, token: str) -> str:
    head, claims, signature = token.split(".")
    if state == "altered":
        text = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).replace(b'"exp"', b'"exq"')
        claims = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    if state == "signed no more":
        head, signature = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode(), "AAAA"
    return f"{head}.{claims}.{signature}"


@pytest.fixture(scope="module")
def city(platform: Platform) -> City:
    return viewer.city(platform)


@pytest.fixture(scope="module")
def gateway(platform: Platform) -> Point:
    return point.gateway(platform)


@pytest.fixture(scope="module")
def cache(platform: Platform) -> Iterator[Point]:
    """The shield itself: the gateway would tidy paths up before it sees them."""
    with point.behind(platform, names.VIDEO_LIBRARY, names.SHIELD, shield.PORT) as found:
        yield found


@pytest.fixture(scope="module")
def tokens(platform: Platform, city: City) -> dict[str, str | None]:
    """State -> a token for `ONE`."""
    found: dict[str, str | None] = {}
    for state, given in TOKENS.items():
        claims = {**(given or {})}
        claims |= {"aud": city.schools[0].code} if claims.get("aud") == "school" else {}
        token = viewer.minted(platform, ONE, **{"seconds": 3600, **claims})
        found[state] = None if given is None else _spoilt(state, token)
    return found


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
                packager.put_object(Bucket="lessons", Key=key, Body=BODY, CacheControl="public, max-age=3600")
    return chosen


def _served(method: str, status: int, body: bytes) -> bool:
    """Whether the segment came; to HEAD, whether it would have."""
    return status in (200, 206) if method == "HEAD" else MARK in body


def test_only_a_good_token_opens_a_lesson_and_no_trick_another(  # noqa: PLR0917
    platform: Platform,
    cache: Point,
    tokens: Mapping[str, str | None],
    cases: list[Case],
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    passes = {lesson: viewer.cookie(viewer.minted(platform, lesson, seconds=3600)) for lesson in (ONE, OTHER)}
    wrong, asked, opened = [], 0, 0
    for number, asked_at, trick, state in cases:
        token, right = tokens[state], wanted(state, trick)
        path = trick.path.format(one=ONE, other=OTHER, n=number)
        shown = {"Cookie": viewer.cookie(token)} if token else {}
        for heat in ("cold", "warm"):
            status, body = trick.at(asked_at, path, shown)
            got = _served(trick.method, status, body)
            asked, opened = asked + 1, opened + got
            wrong += (
                [(asked_at.name, str(trick), state, heat, status)] if got is not right and right is not None else []
            )
            for lesson, cookie in passes.items():
                status, body = Trick("same", "").at(cache, f"/lessons/{lesson}/h/{number}.m4s", {"Cookie": cookie})
                assert (status, body) == (200, BODY), "what the cache is warmed with"
    said = f"{asked:,} requests at gateway and shield, cold and warm, {opened} served, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\ntricks with video tokens: {said}")
    proof("access: video tokens of every state by every trick of method and path", said)
    assert not wrong, wrong
    assert opened >= 2 * sum(bool(wanted(state, trick)) for _, _, trick, state in cases)


QUERY = "/monitoring/api/v1/query?query=vector(1)"
ANSWERED = b'"status":"success"'
QUERIES = (
    Trick("same", QUERY),
    Trick("same", QUERY, host="LOCALHOST"),
    Trick("same", QUERY, host="localhost:443"),
    Trick("near", "/monitoring/api/v1/./query?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/x/../query?query=vector(1)"),
    Trick("near", "/monitoring/dashboards/../api/v1/query?query=vector(1)"),
    Trick("near", "/lessons/../monitoring/api/v1/query?query=vector(1)"),
    Trick("near", "//monitoring/api/v1/query?query=vector(1)"),
    Trick("near", "/monitoring//api/v1/query?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/%71uery?query=vector(1)"),
    Trick("near", "/monitoring/api/v1/%2571uery?query=vector(1)"),
    Trick("near", "/monitoring/api%2Fv1/query?query=vector(1)"),
    Trick("near", "https://localhost" + QUERY),
    Trick("never", QUERY, "POST", headers={"Content-Length": "0"}),
    Trick("never", "/api/v1/query?query=vector(1)"),
    Trick("never", "/monitoring/api/v1/labels"),
    Trick("never", "/monitoring/api/v1/query/../labels"),
    Trick("never", "/monitoring/api/v1/query/../status/config"),
    Trick("never", QUERY, host="portal.portal"),
    Trick("never", QUERY, host="prometheus.monitoring:9090"),
)
SESSIONS: dict[str, dict[str, Any] | None] = {
    **{state: given for state, given in TOKENS.items() if state != "for a school's cache"},
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
    key = keys.pem(keys.private_key(viewer.seed(platform), purpose))
    return _spoilt(state, jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.SESSION)}))


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
        status, body = trick.at(gateway, trick.path, carried if token else {})
        got, right = ANSWERED in body, wanted(state, trick)
        asked, opened = asked + 1, opened + got
        wrong += [(str(trick), state, bearer, status)] if got is not right and right is not None else []
    said = f"{asked:,} requests at the gateway, {opened} answered, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\ntricks with sessions: {said}")
    proof("access: sessions of every state by every trick of method and path", said)
    assert not wrong, wrong
    assert opened >= 6
