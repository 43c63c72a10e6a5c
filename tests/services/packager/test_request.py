"""What the packager accepts as a request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.packager.errors import PackagingError
from services.packager.request import parse
from tests.media import wanted


def test_a_request_is_read_with_its_rungs_from_small_to_large() -> None:
    raw = wanted("a" * 64)
    raw["ladder"]["rungs"].reverse()
    request = parse(json.dumps(raw))
    assert [rung.kbps for rung in request.rungs] == [145, 365, 3000]
    assert request.media == f"l-test/{'a' * 64}/"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "../other"),
        ("id", "UPPER"),
        ("content_hash", "a" * 63),
        ("recipe", "../x"),
        ("about.title", "  "),
        ("about.title", "x" * 301),
        ("about.teacher", "x" * 301),
        ("ladder.rungs", []),
        ("ladder.rungs", [{"name": "../x", "width": 2, "height": 2, "kbps": 1, "crf": 23}]),
        ("ladder.rungs", [{"name": "abc", "width": 2, "height": 2, "kbps": 1, "crf": 23}] * 2),
        ("ladder.rungs", [{"name": "abc", "width": "2; rm", "height": 2, "kbps": 1, "crf": 23}]),
        ("ladder.segment_seconds", 5),
        ("ladder.chunk_seconds", 7),
        ("ladder.preset", "fast -vf x"),
        ("ladder.audio_kbps", True),
    ],
)
def test_a_wrong_value_is_refused(path: str, value: Any) -> None:
    raw = wanted("a" * 64)
    place: Any = raw
    *folders, last = path.split(".")
    for folder in folders:
        place = place[folder]
    place[last] = value
    with pytest.raises(PackagingError):
        parse(json.dumps(raw))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "not json"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(PackagingError, match="cannot be read"):
        parse(text)
