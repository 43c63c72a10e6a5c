"""Which series a school's box has written of late, so that no box fills the database with ever new ones."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping

HOUR = 3600


class SeriesSeen:
    """Up to ``most`` different series of each school in an hour. A series that was seen in it is always taken again."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._hour = 0
        self._own: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        """School to hashes of what was seen, sorted: 8 bytes for each, where a set would take ten times as much."""

    def takes(self, school: str, labels: Mapping[bytes, bytes]) -> bool:
        """Whether a series with these labels may be handed on for ``school`` (code); it is seen then."""
        self._forget()
        own, mark = self._own[school], hash(frozenset(labels.items()))  # of a key that each process has for itself
        at = bisect_left(own, mark)
        if at < len(own) and own[at] == mark:
            return True
        if len(own) >= self.most:
            return False
        own.insert(at, mark)
        return True

    def _forget(self) -> None:
        """Begin every hour with nothing: what is gone from a box, or its school from the platform, is no memory for ever."""
        hour = int(self._clock() // HOUR)
        if hour != self._hour:
            self._hour = hour
            self._own.clear()
