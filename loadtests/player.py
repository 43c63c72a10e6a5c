"""What a player does between two requests, as plain state: how full its buffer is, how fast its link seems, which rendition it takes.

The numbers are those of the portal's own player (``services/portal/src/player.ts``) and of hls.js 1.7, which it is made of. Times are
seconds of any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

BUFFER_SECONDS: Final = 30.0
"""``maxBufferLength`` of the portal's player: it asks for no further segment while this much lies ahead."""
FIRST_GUESS: Final = 1_500_000.0
"""``abrEwmaDefaultEstimate`` of the portal's player, bit/s: what a link is taken for before anything was measured."""
FAST_HALF_LIFE, SLOW_HALF_LIFE = 3.0, 9.0
"""``abrEwmaFastVoD`` and ``abrEwmaSlowVoD`` of hls.js, s of download: the lower of the two averages counts."""
KEEP, RISE = 0.95, 0.7
"""``abrBandWidthFactor`` and ``abrBandWidthUpFactor`` of hls.js: how much of the estimate a rendition may need, to stay and to rise."""


@dataclass
class Buffer:
    """What lies ahead of the picture. It plays by itself; whoever holds it says when a segment has come."""

    ahead: float = 0.0
    stalls: int = 0
    """Times the picture stood still after it had begun."""
    stalled: float = 0.0
    """How long it stood still, s."""
    _clock: float | None = field(default=None, repr=False)
    _stands: bool = field(default=False, repr=False)

    @property
    def begun(self) -> bool:
        """Whether there was a picture at all."""
        return self._clock is not None

    def play_until(self, now: float) -> None:
        """Let time pass: what lies ahead is played, then the picture stands still."""
        if self._clock is None:
            return
        passed = now - self._clock
        self._clock = now
        lacking = passed - self.ahead
        self.ahead = max(0.0, -lacking)
        if lacking > 0:
            self.stalls += not self._stands
            self.stalled += lacking
            self._stands = True

    def add(self, seconds: float, now: float) -> None:
        """A segment has come whole; the first one starts the picture, a later one ends a stall."""
        self.play_until(now)
        self._clock, self._stands = now, False
        self.ahead += seconds

    def room_in(self) -> float:
        """Seconds until the next segment is asked for; 0 for at once."""
        return max(0.0, self.ahead - BUFFER_SECONDS)


@dataclass
class Throughput:
    """What the link seems to carry, bit/s: the lower of a quick and a slow average over the time spent downloading."""

    _sums: dict[float, float] = field(default_factory=lambda: dict.fromkeys((FAST_HALF_LIFE, SLOW_HALF_LIFE), 0.0))
    _weights: dict[float, float] = field(default_factory=lambda: dict.fromkeys((FAST_HALF_LIFE, SLOW_HALF_LIFE), 0.0))

    def add(self, size: int, seconds: float) -> None:
        """``size`` bytes took ``seconds``."""
        seconds = max(seconds, 1e-3)
        for half_life in self._sums:
            old = 0.5 ** (seconds / half_life)
            self._sums[half_life] = self._sums[half_life] * old + (1 - old) * 8 * size / seconds
            self._weights[half_life] = self._weights[half_life] * old + (1 - old)

    @property
    def estimate(self) -> float:
        """Bits per second."""
        if not all(self._weights.values()):
            return FIRST_GUESS
        return min(self._sums[each] / self._weights[each] for each in self._sums)


def choose(bandwidths: Sequence[int], estimate: float, present: int | None) -> int:
    """Index of the rendition to fetch next, of ``bandwidths`` in rising order; ``present`` is the one that plays, None before the first."""
    best = 0
    for index, needed in enumerate(bandwidths):
        rises = present is not None and index > present
        if needed <= estimate * (RISE if rises else KEEP):
            best = index
    return best
