"""A cache's line names the permission by which it was served, as the audit record names it, and nobody can write another name there."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from derive import access_log, permission, video_token
from derive.access_log import Access
from tests import traffic_server
from tests.enforcement import asking
from tests.enforcement.product import CITY, LESSONS, configured, minted
from tests.entitlement_server import ISSUER
from tests.traffic_server import Cache, Origin

LESSON = LESSONS[0].id
PATIENCE = 30.0


@pytest.fixture
def origin() -> Iterator[Origin]:
    with traffic_server.counting() as found:
        yield found


@pytest.fixture
def cache(origin: Origin) -> Iterator[Cache]:
    with traffic_server.running(CITY, configured(video_token.CITY), origin) as found:
        yield found


def lines(cache: Cache, number: int) -> list[Access]:
    """The lines about lessons, once there are so many."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = filter(None, map(access_log.parse, cache.output.read_text(errors="replace").splitlines()))
        rows = [each for each in found if each.lesson]
        if len(rows) >= number or time.monotonic() > deadline:
            return rows
        time.sleep(0.2)


def test_a_line_names_the_permission_and_holds_no_more_of_it(cache: Cache, origin: Origin) -> None:
    point, ends = asking.at("cache", cache.port), int(time.time()) + 600
    tokens = [minted(video_token.claims(ISSUER, video_token.CITY, LESSON, ends)) for _ in range(3)]
    for token in tokens:
        assert asking.show(point, LESSON, token)
    found = lines(cache, len(tokens))
    assert [each.permission for each in found] == [permission.name(token) for token in tokens]
    said = cache.output.read_text(errors="replace")
    assert not [token for token in tokens if token[-permission.CHARACTERS - 4 :] in said]
    assert video_token.PERMISSION not in "".join(origin.headers)


def test_nobody_names_a_permission_themselves(cache: Cache) -> None:
    point, path = asking.at("cache", cache.port), f"{video_token.media_path(LESSON)}h/master.m3u8"
    open_to_all = f"{video_token.media_path(LESSON)}lesson.json"
    for where in (path, open_to_all):
        point.ask("GET", where, {"Host": "localhost", video_token.PERMISSION: "a-name-of-ones-own"})
    assert [each.permission for each in lines(cache, 2)] == [None, None]


@pytest.mark.parametrize(
    "cookie",
    [
        "{name}=",
        "{name}=a.b",
        "{name}=" + "a" * 4000,
        "x={name}=a.b.c",
        "{name}=%.%.%",
        "{name}=a.b." + "c" * 4000 + ";" * 100,
    ],
)
def test_no_cookie_stops_the_cache(cache: Cache, cookie: str) -> None:
    point, ends = asking.at("cache", cache.port), int(time.time()) + 600
    headers = {"Host": "localhost", "Cookie": cookie.format(name=video_token.COOKIE)}
    assert point.ask("GET", f"{video_token.media_path(LESSON)}h/1.m4s", headers)[0] == 403
    assert asking.show(point, LESSON, minted(video_token.claims(ISSUER, video_token.CITY, LESSON, ends)))
