"""How often a code may be tried: few times for one id, not much more often for all of them, counted in this process's memory.

A code has 50 bits, so these limits are no lock but a brake on whoever tries many, and they keep what that costs small.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

OF_ONE: Final = 5
"""Wrong tries for one id within ``SECONDS``: a pupil mistypes twice, a parent helps."""
OF_ALL: Final = 600
"""Wrong tries for all ids within ``SECONDS``; a school of 1,500 where every third pupil mistypes once stays below it."""
SECONDS: Final = 900.0


class Tries:
    """Wrong tries of the last quarter of an hour. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._all: deque[tuple[float, str]] = deque()
        """When and for which id, oldest first; never more than ``OF_ALL``, so memory has an end."""

    def wait(self, identity: str) -> int:
        """Seconds until ``identity`` may be tried; 0: now."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            own = [moment for moment, other in self._all if other == identity]
            ends = [
                times[0] + SECONDS - now
                for times, most in ((own, OF_ONE), (self._moments(), OF_ALL))
                if len(times) >= most
            ]
            return math.ceil(max(ends, default=0.0))

    def wrong(self, identity: str) -> None:
        """Note a wrong try."""
        with self._lock:
            if len(self._all) < OF_ALL:
                self._all.append((self._clock(), identity))

    def _moments(self) -> list[float]:
        return [moment for moment, _ in self._all]

    def _forget(self, now: float) -> None:
        while self._all and self._all[0][0] + SECONDS <= now:
            self._all.popleft()
