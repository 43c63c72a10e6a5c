"""How many requests are held at once, of all schools and of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
