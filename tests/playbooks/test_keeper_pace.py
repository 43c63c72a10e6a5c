"""The rate of a plan: who takes bytes waits until they are paid for, and a pause is no credit for later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import box_cache


@pytest.fixture
def prefetch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import prefetch  # type: ignore[import-not-found]  # as it lies on the box

    yield prefetch


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def rest(self, seconds: float) -> None:
        self.now += seconds


def test_bytes_take_as_long_as_the_rate_says_whatever_the_blocks(prefetch: Any) -> None:
    for block in (1000, 65536, 10**6):
        clock = Clock()
        pace = prefetch.Pace(8000, lambda clock=clock: clock.now, clock.rest)
        for _ in range(10**7 // block):
            pace.take(block)
        assert clock.now - 100 == pytest.approx(10**7 // block * block / 10**6)


def test_a_long_pause_is_worth_one_second_of_bytes_at_most(prefetch: Any) -> None:
    clock = Clock()
    pace = prefetch.Pace(8000, lambda: clock.now, clock.rest)
    clock.now += 3600
    pace.take(10**6)
    assert clock.now == 3700, "one second's worth at once"
    pace.take(10**6)
    assert clock.now == 3701
