"""What boxes and caches are told by command is on the audit record first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops import cdn
from ops.cdns import purging, warming
from ops.cdns.warming import Warmed
from services.packager.store import Bucket
from tests.media import store
from tests.ops.cdns.test_commands import LESSON, RUNNER, VILLAGE, Caches, caches, lessons, timetable
from tests.ops.recorded import in_the_way, kept, told, under_way

__all__ = ["caches", "lessons", "store"]


def test_what_boxes_and_caches_are_told_is_on_record_first_and_a_preview_is_not(
    lessons: Bucket, caches: Caches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    put = Bucket.put

    def noted(self: Bucket, key: str, *given: Any) -> None:
        if key.startswith("plans/"):
            seen.append(under_way())
        put(self, key, *given)

    def warm(*_: object) -> list[Warmed]:
        seen.append(under_way())
        return [Warmed("video-library/shield-0", 0, 1.0, "" if len(seen) < 4 else "the cache answered 503")]

    def purge(*_: object) -> dict[str, int]:
        seen.append(under_way())
        return {}

    monkeypatch.setattr(Bucket, "put", noted)
    monkeypatch.setattr(warming, "warm", warm)
    monkeypatch.setattr(purging, "pods", purge)
    file = timetable(tmp_path, "2027-06-30")
    for words in (["plan", file], ["cancel"], ["cancel", "--publish"], ["purge", "--path", "/x"]):
        RUNNER.invoke(cdn.app, words)
    assert (seen, kept()) == ([], [])
    wanted = [["plan", file, "--publish"], ["cancel", "--publish"], ["warm", LESSON, "--school", VILLAGE]]
    wanted += [["warm", LESSON], ["purge", LESSON]]
    ended = [RUNNER.invoke(cdn.app, words).exit_code for words in wanted]
    assert (seen, ended) == ([True] * 5, [0, 0, 0, 1, 0])
    assert told() == [
        ("cdn-plan", "plans/2027-06-30", "done"),
        ("cdn-cancel", "plans", "done"),
        ("cdn-warm", LESSON, "done"),
        ("cdn-warm", LESSON, "failed"),
        ("cdn-purge", LESSON, "done"),
    ]
    facts = [{key: value for key, value in each.facts.items() if key != "begun"} for each in kept()]
    assert facts == [{"plans": 1}, {"plans": 1}, {"school": VILLAGE}, {}, {"paths": 2}]
    in_the_way()
    before = lessons.read_json(f"plans/{VILLAGE}.json")
    for words in (*wanted[:1], *wanted[2:]):
        assert "nothing was done" in str(RUNNER.invoke(cdn.app, words).exception)
    assert lessons.read_json(f"plans/{VILLAGE}.json") == before and len(seen) == 5
