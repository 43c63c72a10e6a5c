"""Lines of the access log: what gateway and shield are told to print is what is read, and no token is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from derive import access_log, box_log, keys, permission, video_token
from infra.plan import sign_in

LESSON = "l-" + "a" * 16
SENSITIVE = ("cookie", "authorization", "set-cookie", "x-token", "cquuc", "cqtx", "%<cqu>")
ENVOY: dict[str, Any] = {
    **dict.fromkeys(access_log.ENVOY),
    "access_log": "gateway",
    "policy": "0123456789ab",
    "time": "2026-11-28T08:00:00.123Z",
    "request": "r-1",
    "from": "10.0.0.9",
    "method": "GET",
    "path": f"/lessons/{LESSON}/h/1.m4s",
    "status": 200,
    "bytes": 1000,
    "ms": 4,
    "why": "via_upstream",
    "route": "httproute/video-library/shield/rule/0/match/0/localhost",
}
SHIELD = {
    **dict.fromkeys(access_log._TRAFFIC_SERVER, "-"),
    "access_log": "cache",
    "time": "1795852800.007",
    "request": "r-1",
    "method": "GET",
    "path": f"/lessons/{LESSON}/h/1.m4s",
    "status": "403",
    "cache": "ERR_PROXY_DENIED",
    "bytes": "0221",
    "ms": "000",
}
BOX = {
    **SHIELD,
    "access_log": "school-box",
    "from": "192.168.3.9",
    "permission": "aA0_-bcdefgh",
    "policy": "0123456789ab",
}
"""As a school's box prints it; `request` is not among its fields, and goes away."""
CODE = "0000000001"


def parsed(row: dict[str, Any]) -> access_log.Access:
    found = access_log.parse(json.dumps(row))
    assert found
    return found


def test_both_ends_of_a_request_are_read_and_name_it_alike() -> None:
    gateway, cache = parsed(ENVOY), parsed(SHIELD)
    assert gateway.request == cache.request == "r-1"
    assert (gateway.policy, cache.policy) == ("0123456789ab", None)
    assert gateway.lesson == cache.lesson == LESSON
    assert (gateway.address, gateway.sent, gateway.refused) == ("10.0.0.9", 1000, False)
    assert (cache.why, cache.sent, cache.status, cache.refused) == ("ERR_PROXY_DENIED", 221, 403, True)
    assert gateway.time == datetime(2026, 11, 28, 8, 0, 0, 123_000, UTC)
    assert cache.time == datetime.fromtimestamp(1795852800.007, UTC)


def test_lines_as_traffic_server_9_2_9_and_envoy_1_40_really_printed_them_are_read() -> None:
    """Of 2026-11-28: escaped slashes, a request id of a stranger's, a connection that ended without a word."""
    escaped = r'{"access_log":"cache","time":"1795906222.003","request":"r\"7\\x","method":"GET","path":"\/lessons\/l-aaaaaaaaaaaaaaaa\/h\/1.m4s","status":"200","cache":"TCP_MISS","bytes":"1229","ms":"9"}'  # noqa: E501
    denied = r'{"access_log":"gateway","bytes":19,"certificate":null,"from":"127.0.0.1","host":"a","method":"GET","ms":0,"path":"/monitoring/api/v1/query","request":"20fe","route":"r","school":"0000000001","status":403,"subject":"s-1","tier":"pupil","time":"2026-11-28T22:50:57.150Z","why":"rbac_access_denied_matched_policy[none]"}'  # noqa: E501
    ended = r'{"access_log":"gateway","bytes":0,"certificate":null,"from":"127.0.0.1","host":null,"method":null,"ms":0,"path":null,"request":null,"route":null,"school":null,"status":0,"subject":null,"tier":null,"time":"2026-11-28T22:50:56.602Z","why":"downstream_remote_disconnect"}'  # noqa: E501
    cache, gateway = access_log.parse(escaped), access_log.parse(denied)
    assert cache and gateway
    assert (cache.lesson, cache.request, cache.why) == (LESSON, r'r"7\x', "TCP_MISS")
    assert (gateway.subject, gateway.refused, gateway.why) == ("s-1", True, "rbac_access_denied_matched_policy[none]")
    assert access_log.parse(ended) is None


def kept(**changes: Any) -> str | None:
    return box_log.kept(json.dumps({**BOX, **changes}).encode(), CODE)


def test_a_box_s_line_is_kept_under_its_school_with_who_what_and_why_and_nothing_else() -> None:
    line = kept(school="0000000002", subject="s-1", tier="t", certificate="CN=0000000002", note="x")
    assert line and access_log.MARK in line, "and is found by it"
    assert set(json.loads(line)) == {*box_log.FORM, box_log.SCHOOL}
    found = access_log.parse(line)
    assert found
    assert (found.place, found.school, found.permission, found.address) == (
        access_log.BOX, CODE, "aA0_-bcdefgh", "192.168.3.9"
    )  # fmt: skip
    assert (found.lesson, found.status, found.why, found.policy) == (LESSON, 403, "ERR_PROXY_DENIED", "0123456789ab")
    assert (found.subject, found.tier, found.certificate) == (None, None, None), "a box speaks for nobody"


@pytest.mark.parametrize(
    "changes",
    [
        {"access_log": "gateway"},
        {"access_log": "cache"},
        {"path": "/lessons/x?URISigningPackage=a"},
        {"path": "x" * (access_log.MOST + 1)},
        {"path": "/a\n{}"},
        {"permission": "a" * (permission.CHARACTERS + 1)},
        {"from": "not an address"},
        {"time": "yesterday"},
        {"status": 200},
        {"method": None},
        {"bytes": "-1"},
    ],
)
def test_a_line_that_no_box_prints_is_none(changes: dict[str, Any]) -> None:
    assert kept() is not None
    assert kept(**changes) is None


@pytest.mark.parametrize("line", [b"", b"text", b"[]", b"null", b"\xff\x00" * 9, b"[" * 4000, b"9" * 5000])
def test_what_is_no_object_is_none(line: bytes) -> None:
    assert box_log.kept(line, CODE) is None


def test_a_box_prints_exactly_what_is_kept_of_it() -> None:
    printed = json.loads(access_log.school_box("0123456789ab"))
    assert set(printed) == set(box_log.FORM)
    assert box_log.FORM[permission.FACT].fullmatch("x" * permission.CHARACTERS)
    assert printed["access_log"] == access_log.BOX


def test_claims_of_a_verified_session_are_who_it_was() -> None:
    found = parsed({**ENVOY, "subject": "s-1", "tier": "t", "school": "0000000001", "status": 403})
    assert (found.subject, found.tier, found.school, found.refused) == ("s-1", "t", "0000000001", True)
    assert parsed(ENVOY).subject is None


@pytest.mark.parametrize(
    ("path", "lesson"),
    [
        (f"/access/play/{LESSON}", LESSON),
        (f"/access/download/{LESSON}", LESSON),
        (f"lessons/{LESSON}/lesson.json", LESSON),
        ("/lessons/index.json", None),
        ("/lessons/../x", None),
        (f"/other/{LESSON}", None),
    ],
)
def test_the_lesson_is_told_from_the_path(path: str, lesson: str | None) -> None:
    assert parsed({**ENVOY, "path": path}).lesson == lesson


@pytest.mark.parametrize(
    "line",
    ["", "text", "{}", "[]", '{"access_log": "portal"}', json.dumps({**ENVOY, "time": "yesterday"}), "null", "1"],
)
def test_any_other_line_is_none(line: str) -> None:
    assert access_log.parse(line) is None


def test_the_mark_is_in_every_line_as_it_is_printed() -> None:
    assert access_log.MARK in access_log.traffic_server("p")
    # Envoy prints JSON without spaces.
    assert access_log.MARK in json.dumps(ENVOY, separators=(",", ":"))


def test_nothing_that_carries_a_token_is_printed() -> None:
    fields = [*access_log.ENVOY.values(), access_log.traffic_server("p"), access_log.school_box("p")]
    assert not [each for each in fields for word in SENSITIVE if word in each.lower()]
    assert not [each for each in access_log.ENVOY.values() if "PATH" in each and "REQ_WITHOUT_QUERY" not in each]


def test_no_token_fits_into_what_is_printed_of_a_path() -> None:
    claims = video_token.claims("https://a.cn", "city", LESSON, 1)
    token = jwt.encode(
        claims,
        keys.pem(keys.private_key("s" * 32, keys.VIDEO)),
        keys.ALGORITHM,
        headers={"kid": keys.key_id(keys.VIDEO)},
    )
    assert len(token) - len(token.rpartition(".")[2]) > access_log.MOST, "its signature is never reached"


def test_the_gateway_s_claims_are_those_of_the_policies_provider() -> None:
    assert access_log.PROVIDER == sign_in.PROVIDER
