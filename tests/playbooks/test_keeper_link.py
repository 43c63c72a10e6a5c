"""What a box says that its link carries: what came once the way was warm, in the night's own turn, once, and never more than was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import box_cache
from tests.box_cache import LESSON, OTHER

RATE = 2_500_000
"""Bytes a second that the link carries: 20 Mbit/s."""
SIZE = 1_000_000
BEGINS, TURN, ENDS = 1000.0, 1080.0, 2000.0
"""The night, and the box's turn in it."""


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import link  # type: ignore[import-not-found]  # as it lies on the box

    yield link


class Wire:
    """A link with its own clock: every byte takes its time, and the first object on a connection ten times that."""

    def __init__(self, slow_start: float = 10) -> None:
        self.now, self.lock, self.slow_start = TURN, threading.Lock(), slow_start
        self.carried, self.status = 0, 200
        self.together: threading.Barrier | None = None
        """Where the connections wait for each other once the way is warm: otherwise one may have done it all before the other began."""

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def carry(self, size: int, factor: float) -> None:
        with self.lock:
            self.now += size / RATE * factor
            self.carried += size


class Line:
    """A connection over a wire."""

    reason = "as told"

    def __init__(self, wire: Wire) -> None:
        self.wire, self.asked, self.left = wire, 0, 0

    @property
    def status(self) -> int:
        return self.wire.status

    def request(self, method: str, path: str, headers: dict[str, str]) -> None:
        self.asked, self.left = self.asked + 1, SIZE
        if self.asked == 2 and self.wire.together:
            self.wire.together.wait(30)

    def getresponse(self) -> Line:
        return self

    def read(self, most: int) -> bytes:
        size = min(most, self.left)
        self.left -= size
        self.wire.carry(size, self.wire.slow_start if self.asked == 1 else 1)
        return b"x" * size

    def close(self) -> None:
        """Nothing is open."""


def item(keeper: ModuleType, lesson: str = LESSON, size: int = SIZE) -> Any:
    return keeper.Item(f"/lessons/{lesson}/{size}.m4s", size, lesson)


@pytest.fixture
def wire(keeper: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Wire:
    found = Wire()
    monkeypatch.setattr(keeper, "time", found)
    return found


def test_it_is_what_came_once_the_way_was_warm_over_all_connections_together(keeper: ModuleType, wire: Wire) -> None:
    lines = [Line(wire) for _ in range(keeper.CONNECTIONS)]
    wire.together = threading.Barrier(len(lines))
    assert keeper.rate(lines, item(keeper), 4, 10**9) == pytest.approx(20)
    assert all(line.asked > 1 for line in lines)


@pytest.mark.parametrize(("seconds", "most", "bound"), [(3.9, 10**9, int(3.9 * RATE)), (60, 3_000_000, 3_000_000)])
def test_it_ends_when_its_time_or_its_bytes_are_over(
    keeper: ModuleType, wire: Wire, seconds: float, most: int, bound: int
) -> None:
    lines = [Line(wire) for _ in range(keeper.CONNECTIONS)]
    keeper.rate(lines, item(keeper), seconds, most)
    sampled = wire.carried - SIZE * len(lines)
    assert bound - keeper.BLOCK <= sampled <= bound + keeper.BLOCK * len(lines)


def test_an_answer_that_is_none_is_no_rate(keeper: ModuleType, wire: Wire) -> None:
    wire.status = 404
    with pytest.raises(OSError, match="404"):
        keeper.rate([Line(wire)], item(keeper), 4, 10**9)


def night(keeper: ModuleType, *items: Any, days: float = 0, sample: bool = True) -> Any:
    from keeper import plan

    later = days * 86_400
    asked = plan.Sample(TURN + later, 4, 8) if sample else None
    made = BEGINS - 60 + later
    return plan.Plan("0" * 12, made, BEGINS + later, ENDS + later, 1, items or (item(keeper),), asked)


@pytest.fixture
def link(keeper: ModuleType, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(keeper, "line_to", lambda *_: Line(wire))
    return made(keeper, tmp_path)


def made(keeper: ModuleType, folder: Path) -> Any:
    return keeper.Link(["https://edge", "https://schools"], folder, folder, lambda lesson, _: lesson == OTHER)


def test_it_is_measured_once_a_night_in_the_box_s_turn_also_over_a_restart(
    keeper: ModuleType, wire: Wire, link: Any, tmp_path: Path
) -> None:
    assert link.readings() == {}, "nothing is said before the first"
    for moment, taken in ((TURN - 0.1, False), (TURN, True), (TURN + 100, False), (TURN + 500, False)):
        wire.now = moment
        assert link.look(night(keeper)) is taken
    said = link.readings()
    assert said["city_school_link_mbps"] == pytest.approx(20)
    assert TURN < said["city_school_link_sample_timestamp_seconds"] < TURN + 100
    again = made(keeper, tmp_path)
    assert again.readings() == said
    assert not again.look(night(keeper))
    wire.now = TURN + 86_400
    assert again.look(night(keeper, days=1))


def test_nothing_is_measured_that_was_not_asked_for_or_when_the_night_is_over(
    keeper: ModuleType, wire: Wire, link: Any
) -> None:
    assert not link.look(None)
    assert not link.look(night(keeper, sample=False))
    assert not link.look(
        night(keeper, item(keeper, OTHER)),
    ), "withdrawn"
    assert not link.look(night(keeper, item(keeper, size=0)))
    wire.now = ENDS
    assert not link.look(night(keeper))
    assert wire.carried == 0


def test_the_largest_object_is_asked_for_and_the_next_platform_where_one_does_not_answer(
    keeper: ModuleType, wire: Wire, link: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[tuple[str, str]]()

    def rate(lines: list[Named], wanted: Any, *_: float) -> float:
        asked.append((lines[0].address, wanted.path))
        if "edge" in lines[0].address:
            raise OSError("no route")
        return 5.0

    class Named(Line):
        def __init__(self, address: str, _: Path) -> None:
            super().__init__(wire)
            self.address = address

    monkeypatch.setattr(keeper, "line_to", Named)
    monkeypatch.setattr(keeper, "rate", rate)
    assert link.look(
        night(keeper, item(keeper, size=10), item(keeper, size=30), item(keeper, OTHER, 40), item(keeper, size=20))
    )
    assert asked == [(address, f"/lessons/{LESSON}/30.m4s") for address in ("https://edge", "https://schools")]


def test_a_sample_that_was_not_good_changes_nothing_and_is_tried_again_later(
    keeper: ModuleType, wire: Wire, link: Any, tmp_path: Path
) -> None:
    wire.status = 503
    with pytest.raises(OSError, match="503"):
        link.look(night(keeper))
    assert link.readings() == {} and not (tmp_path / keeper.FILE).exists()
    wire.status = 200
    assert not link.look(night(keeper)), "not at once"
    wire.now += keeper.AGAIN
    assert link.look(night(keeper))


def test_a_sample_of_the_future_is_a_wrong_clock_s_and_a_file_that_is_none_is_no_sample(
    keeper: ModuleType, wire: Wire, link: Any, tmp_path: Path
) -> None:
    (tmp_path / keeper.FILE).write_text(json.dumps({"at": ENDS - 1, "mbps": 1}))
    assert made(keeper, tmp_path).look(night(keeper))
    (tmp_path / keeper.FILE).write_text("{")
    assert made(keeper, tmp_path).readings() == {}
