"""How many requests are held at once, and how fast lines are printed, of all schools and of one."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Busy(Exception):  # noqa: N818  # not an error: the box tries again
    """No place is free."""


class Places:
    """Places in memory. Whoever gets none is sent away at once and keeps its readings in its own queue on disk."""

    def __init__(self, in_all: int, of_one: int) -> None:
        self.in_all, self.of_one = in_all, of_one
        self.held: Counter[str] = Counter()

    @contextmanager
    def place(self, school: str) -> Iterator[None]:
        """Hold a place while the body runs. Raises `Busy`."""
        if self.held.total() >= self.in_all or self.held[school] >= self.of_one:
            raise Busy
        self.held[school] += 1
        try:
            yield
        finally:
            self.held[school] -= 1
            if not self.held[school]:
                del self.held[school]


class Pace:
    """Bytes that may be printed: ``rate`` a second, and ``burst`` at once. Faster, and a node would roll a pod's log away unread."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._left, self._at = burst, clock()

    def has(self, size: int) -> bool:
        """Whether so many bytes are there."""
        now = self._clock()
        self._left, self._at = min(self.burst, self._left + (now - self._at) * self.rate), now
        return size <= self._left

    def take(self, size: int) -> None:
        """Take so many bytes. Raises `Busy` when they are not there yet: the box keeps its lines and tries again."""
        if not self.has(size):
            raise Busy
        self._left -= size


class Paces:
    """A pace of each school's own under that of all: a box that empties its backlog has itself wait, and no other one."""

    def __init__(self, of_all: Pace, of_one: Callable[[], Pace]) -> None:
        self.of_all = of_all
        self._own: defaultdict[str, Pace] = defaultdict(of_one)
        """Of schools that sent something; there are no more of them than the catalog has."""

    def take(self, school: str, size: int) -> None:
        """Take so many bytes for ``school`` (code). Raises `Busy`, and then nothing is taken of either pace."""
        own = self._own[school]
        if not (own.has(size) and self.of_all.has(size)):
            raise Busy
        own.take(size)
        self.of_all.take(size)
