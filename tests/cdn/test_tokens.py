"""No cached byte goes to a request without a valid token for this lesson at this place."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.cdn.lab import HOUR, ISSUER, Lab, cookie, signed
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.request import Place, ask
from derive import video_token

pytestmark = [pytest.mark.integration, pytest.mark.proof]
BYTES = {
    "": {},
    " range": {"Range": "bytes=0-99"},
    " open range": {"Range": "bytes=0-"},
    " two": {"Range": "bytes=0-9,20-29"},
}
"""How a part is asked for."""


def bad(place: str, lesson: Lesson, other: Lesson) -> dict[str, dict[str, str]]:
    """What is wrong with it -> the headers of a request that must get nothing."""
    now = int(time.time())
    right = video_token.claims(ISSUER, place, lesson.id, now + HOUR)
    head, payload, signature = signed(right)["Cookie"].split(".")
    without = {key: value for key, value in right.items() if key != "aud"}
    return {
        "none": {},
        "expired": signed({**right, "exp": now - 60}),
        "not yet valid": signed({**right, "nbf": now + HOUR}),
        "wrong key": signed(right, seed="other"),
        "unknown key": signed(right, seed="other", kid="video-9"),
        "wrong audience": signed({**right, "aud": "elsewhere"}),
        "wrong issuer": signed({**right, "iss": "https://else.test"}),
        "no audience and a wrong key": signed(without, seed="other"),
        "altered signature": {"Cookie": f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"},
        "altered payload": {"Cookie": f"{head}.{payload[:-1]}{'A' if payload[-1] != 'A' else 'B'}.{signature}"},
        "cut": {"Cookie": f"{head}.{payload}."},
        "another lesson's": cookie(place, other),
        "credentials of another kind": {"Authorization": "Bearer " + signed(right)["Cookie"].partition("=")[2]},
    }


def refused(door: Place, path: str, headers: dict[str, str], method: str, secret: bytes) -> None:
    """Nothing of the segment came, nor that it is there."""
    answer = ask(door, path, headers, method)
    assert answer.status in {400, 401, 403, 404}, (door, headers, answer.status)
    assert secret[:64] not in answer.data
    assert len(answer.data) < 200, "a refusal's words"
    assert answer.headers.get("content-length") != str(len(secret))
    assert "etag" not in answer.headers


def test_no_byte_goes_to_a_request_without_a_valid_token_cold_or_warm(
    lab: Lab, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    asked = 0
    for place, door in list(lab.doors.items())[: campaign(3, 100)]:
        lesson, other = Lesson(lab.city, f"tokens {place}", 1), Lesson(lab.city, f"tokens other {place}", 1)
        rung = lesson.rung(0)
        path = lesson.path(rung, 0)
        secret = body(path, lesson.size(rung))
        for warm in (False, True):
            if warm:
                assert ask(door, path, cookie(place, lesson)).data == secret
            reads = lab.reads(lesson)
            for headers in bad(place, lesson, other).values():
                for method in ("GET", "HEAD"):
                    for part in BYTES.values():
                        refused(door, path, {**headers, **part}, method, secret)
                        asked += 1
            assert lab.reads(lesson) == reads, "nobody was asked for it"
        # The refused requests neither spoilt nor opened the copy.
        assert ask(door, path, cookie(place, lesson)).data == secret
    proof(
        "requests without a valid token, cold and warm, GET and HEAD, whole and in parts",
        f"{asked} asked, 0 bytes given",
    )
