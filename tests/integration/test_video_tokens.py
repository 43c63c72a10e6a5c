"""The shield as it runs: which tokens it lets through, on the real cache and the real store, whatever is asked and however.

Asked past the gateway, which would tidy the paths up before the shield sees them.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from derive import keys, session_token, store
from tests.integration import point, viewer
from tests.integration.conftest import Platform
from tests.integration.test_platform import client, forwarded

pytestmark = pytest.mark.integration
ONE, OTHER = "l-tokenstokenstok2", "l-tokenstokenstok3"
BODY = b"0123456789" * 100

Ask = Callable[..., tuple[int, bytes]]


@pytest.fixture(scope="module")
def objects(platform: Platform) -> None:
    """A segment of each of two lessons, a record, a poster and the like, in the real store."""
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, "video-library")
        for lesson in (ONE, OTHER):
            for name in ("h/1.m4s", "h/2.m4s", "h/r/poster.jpg", "lesson.json"):
                packager.put_object(
                    Bucket="lessons", Key=f"{lesson}/{name}", Body=BODY, CacheControl="public, max-age=600"
                )


@pytest.fixture(scope="module")
def ask(platform: Platform, objects: None) -> Iterator[Ask]:
    """``ask(path, cookie)``: status and body, with the address exactly as given; one connection, since forwarding each takes a second."""
    with point.shield_itself(platform) as shield:

        def run(path: str, cookie: str | None = None, method: str = "GET", **headers: str) -> tuple[int, bytes]:
            shown = {"Cookie": cookie} if cookie else {}
            return shield.ask(method, path, {"Host": "shield.example", **headers, **shown})

        yield run


@pytest.fixture(scope="module")
def good(platform: Platform) -> str:
    return viewer.minted(platform, ONE)


def _segment(lesson: str = ONE, number: int = 1) -> str:
    return f"/lessons/{lesson}/h/{number}.m4s"


TOKENS: dict[str, dict[str, Any]] = {
    "expired": {"seconds": -2},
    "not valid yet": {"nbf": 4_000_000_000},
    "of another key": {"purpose": keys.SESSION},
    "for another place": {"aud": "2990100001"},
    "of another issuer": {"iss": "https://elsewhere.example"},
    "for another lesson": {"lesson": OTHER},
    "of another version": {"cdniv": 2},
    "that asks for what is not checked": {"jti": "once"},
}


def test_a_good_token_plays_and_none_does_not_cold_and_warm(platform: Platform, ask: Ask, good: str) -> None:
    path = _segment(number=2)
    assert ask(path)[0] == 403, "cold"
    assert ask(path, viewer.cookie(good)) == (200, BODY)
    assert ask(path, viewer.cookie(good)) == (200, BODY), "from the cache"
    assert ask(path)[0] == 403, "what is cached is not open"


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_that_does_not_count_is_refused_warm_too(platform: Platform, ask: Ask, good: str, kind: str) -> None:
    given = {"lesson": ONE, **TOKENS[kind]}
    token = viewer.minted(platform, given.pop("lesson"), **given)
    assert ask(_segment(), viewer.cookie(good))[0] == 200
    status, body = ask(_segment(), viewer.cookie(token))
    assert status == 403
    assert BODY[:20] not in body


def test_an_altered_token_is_refused(ask: Ask, good: str) -> None:
    head, claims, signature = good.split(".")
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(claims + "==").replace(ONE.encode(), OTHER.encode()))
    for token in (f"{head}.{other.rstrip(b'=').decode()}.{signature}", f"{head}.{claims}.{signature[:-8]}AAAAAAAA"):
        assert ask(_segment(OTHER), viewer.cookie(token))[0] == 403
        assert ask(_segment(), viewer.cookie(token))[0] == 403


@pytest.mark.parametrize(("shown", "status"), [(True, 200), (False, 403)])
def test_head_and_range_ask_for_the_token_too(ask: Ask, good: str, shown: bool, status: int) -> None:
    cookie = viewer.cookie(good) if shown else None
    assert ask(_segment(), cookie, "HEAD") == (status, b"")
    # All of it is an answer to a range too: what is asked for in parts is never kept.
    ranged, body = ask(_segment(), cookie, Range="bytes=0-9")
    assert (ranged, body == BODY) == (status, shown)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_reading_is_let_in_with_a_token_either(ask: Ask, good: str, method: str) -> None:
    assert ask(_segment(), viewer.cookie(good), method)[0] in (403, 405)


def test_nobody_has_a_segment_given_up_through_the_gateway(platform: Platform, good: str) -> None:
    """From its own loopback a cache is told to (`huiju cdn purge` forwards a port there), and from nowhere else."""
    assert viewer.ask(platform, _segment(), method="PURGE", Cookie=viewer.cookie(good)).status in (403, 405)


@pytest.mark.parametrize(
    "path",
    [
        f"/lessons/{ONE}/../{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/%2e%2e/{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/.%2e/{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/%252e%252e/{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/..%2f{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/..%252f{OTHER}/h/1.m4s",
        f"/lessons/{ONE}//../{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/./../{OTHER}/h/1.m4s",
        f"/lessons/{ONE}/h/..;/..;/{OTHER}/h/1.m4s",
        f"/lessons/{OTHER}/h/x/../../lesson.json/../h/1.m4s",
        f"/lessons/index.json/../{OTHER}/h/1.m4s",
        f"/lessons/{OTHER}/h/1.m4s?/lessons/index.json",
        f"/lessons/{OTHER}/h/1.m4s#/lessons/index.json",
        f"http://x/lessons/{OTHER}/h/1.m4s",
        f"http://x/lessons/index.json@y/lessons/{OTHER}/h/1.m4s",
    ],
)
def test_no_way_leads_to_another_lesson(ask: Ask, good: str, path: str) -> None:
    for cookie in (viewer.cookie(good), None):
        status, body = ask(path, cookie)
        assert status in (400, 403, 404), path
        assert BODY[:20] not in body


@pytest.mark.parametrize(
    ("name", "open_"),
    [("lesson.json", True), ("h/r/poster.jpg", True), ("h/1.m4s", False), ("h/lesson.json", False)],
)
def test_records_and_posters_are_open_and_media_are_not(ask: Ask, name: str, open_: bool) -> None:
    assert ask(f"/lessons/{ONE}/{name}")[0] == (200 if open_ else 403)


def test_a_token_in_the_address_is_not_taken(ask: Ask, good: str) -> None:
    assert ask(f"{_segment()}?URISigningPackage={good}")[0] == 403
    assert ask(f"{_segment()};URISigningPackage={good}")[0] == 404


def test_other_cookies_and_credentials_do_not_hinder(ask: Ask, good: str) -> None:
    cookie = f"a=b; {session_token.COOKIE}=x.y.z; {viewer.cookie(good)}; c=d"
    for _ in range(2):
        assert ask(_segment(), cookie, Authorization="Bearer x.y.z") == (200, BODY)


def test_no_token_whatever_its_shape_ends_the_shield(platform: Platform, ask: Ask, good: str) -> None:
    restarts = ("get", "pods", "-n", "video-library", "-l", "app.kubernetes.io/name=shield")
    count = (*restarts, "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}")
    before = platform.cluster.kubectl(*count)
    # One of these ends Traffic Server 9.2.9 where nothing stands before the plugin: a "=" inside the token.
    assert ask(_segment(), viewer.cookie(f"{good[:80]}={good[80:]}"))[0] == 403
    chance = random.Random(20261124)
    for _ in range(300):
        letters = list(good)
        for _ in range(chance.randint(1, 4)):
            letters[chance.randrange(len(letters))] = chance.choice("ABCabc019_-.;=,\"'%+/ ")
        token = "".join(letters)
        assert ask(_segment(), viewer.cookie(token))[0] in ((200,) if token == good else (200, 403))
    time.sleep(1)
    assert ask(_segment(), viewer.cookie(good)) == (200, BODY)
    assert platform.cluster.kubectl(*count) == before
