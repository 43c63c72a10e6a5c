"""A page of the platform and the cache in a school: what a box tells a browser, and what a shown permission opens there."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from derive import page_access
from derive.school_cache import HEALTH
from tests import box_cache
from tests.box_cache import HOST, ISSUER, LESSON, OTHER, Box, Platform

pytestmark = pytest.mark.integration
ALLOW = "access-control-allow-origin"


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def standing() -> Iterator[tuple[Platform, Box]]:
    with box_cache.standing(LESSON, OTHER) as (platform, box, _):
        yield platform, box


def segment(lesson: str, number: int) -> str:
    return f"/lessons/{lesson}/{'c' * 8}/r1/v360-365/{number}.m4s"


def asked(box: Box, method: str, path: str, **headers: str) -> Said:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    here = (box_cache.ELSEWHERE, 0)
    line = http.client.HTTPSConnection("127.0.0.1", box.tls, timeout=30, context=context, source_address=here)
    line.request(method, path, headers={"Host": HOST, **{key.replace("_", "-"): said for key, said in headers.items()}})
    answer = line.getresponse()
    return Said(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())


def test_a_browser_that_asks_is_told_of_the_platform_s_pages_only(standing: tuple[Platform, Box]) -> None:
    platform, box = standing
    for origin in (ISSUER, "https://elsewhere.example"):
        said = asked(box, "OPTIONS", segment(LESSON, 0), Origin=origin, Access_Control_Request_Method="GET")
        assert (said.status, said.headers[ALLOW]) == (200, ISSUER)
        assert said.headers["access-control-allow-headers"] == page_access.HEADER
        assert said.body == b"ok\n", "a question opens nothing"
    assert not platform.asked


def test_a_permission_in_the_header_opens_what_it_is_for(standing: tuple[Platform, Box]) -> None:
    platform, box = standing
    path, shown = segment(LESSON, 1), {page_access.HEADER: box_cache.token(LESSON)}
    given = asked(box, "GET", path, **shown)
    assert (given.status, given.body, given.headers[ALLOW]) == (200, platform.objects[path][0], ISSUER)
    for lesson, headers in (
        (OTHER, shown),
        (LESSON, {}),
        (LESSON, {page_access.HEADER: box_cache.token(LESSON, -5)}),
        (LESSON, {page_access.HEADER: box_cache.token(LESSON) + "=x"}),
        (LESSON, {page_access.HEADER: "a.b.c"}),
    ):
        refused = asked(box, "GET", segment(lesson, 1), **headers)
        assert (refused.status, refused.headers[ALLOW]) == (403, ISSUER), "and the page can read why it failed"
        assert platform.objects[path][0][:64] not in refused.body


def test_reading_is_all_that_is_let_in(standing: tuple[Platform, Box]) -> None:
    _, box = standing
    for method in ("POST", "PUT", "DELETE", "PURGE", "PUSH"):
        assert asked(box, method, segment(LESSON, 1), **{page_access.HEADER: box_cache.token(LESSON)}).status == 403


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_browser_may_speak_http_2(standing: tuple[Platform, Box], version: str) -> None:
    platform, box = standing
    path = segment(LESSON, 2)
    there = ("--insecure", "--connect-to", f"{HOST}:443:127.0.0.1:{box.tls}", f"https://{HOST}{path}")
    shown = ("--header", f"{page_access.HEADER}: {box_cache.token(LESSON)}", f"--http{version}")
    line = ("curl", "--silent", "--write-out", "%{stderr}%{http_version} %{http_code}", *shown, *there)
    done = subprocess.run(line, capture_output=True, check=True)
    assert done.stderr.decode() == f"{version} 200"
    assert done.stdout == platform.objects[path][0]


def test_health_can_be_read_by_a_page(standing: tuple[Platform, Box]) -> None:
    said = asked(standing[1], "GET", HEALTH, Origin=ISSUER)
    assert (said.status, said.headers[ALLOW], said.body) == (200, ISSUER, b"ok\n")
