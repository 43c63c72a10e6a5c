"""The exporter's memory: last fetches heard, and verdicts that stand outside school hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from monitoring import coverage
from monitoring.coverage import Verdict
from monitoring.facts import Facts

RECENT = "15m"
"""What is asked at every refresh; longer than the five minutes for which a silent series is still an answer."""
PAST = "7d"
"""What is asked once, after a start or for a moment in the past."""


class Source(Protocol):
    """Where last fetches come from; `monitoring.readings.Prometheus` is one."""

    def fetched(self, at: float, span: str) -> dict[str, float]:
        """School code -> the fetch that was told last in ``span`` up to ``at``."""

    def remembered(self, at: float, span: str) -> dict[str, float]:
        """The same from what was published before."""


@dataclass
class Judge:
    """Judges again and again; between refreshes it holds what is published."""

    facts: Facts
    source: Source
    heard: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    refreshed: float = 0.0
    _stood: dict[float, dict[str, float]] = field(default_factory=dict)

    def refresh(self, now: float) -> None:
        """Ask and judge. Raises what the source raises, and then keeps the last verdicts."""
        if not self.refreshed:
            self._hear(self.source.remembered(now, PAST), now)
            self._hear(self.source.fetched(now, PAST), now)
        self._hear(self.source.fetched(now, RECENT), now)
        at = coverage.moments(self.facts, now)
        fetched = {kind: self._known(moment, now) for kind, moment in at.items()}
        self._stood = {moment: known for moment, known in self._stood.items() if moment in at.values()}
        self.verdicts = coverage.judge(self.facts, at, fetched)
        self.refreshed = now

    def _hear(self, fetched: Mapping[str, float], now: float) -> None:
        self.heard |= _later(self.heard, self._believable(fetched, now))

    def _believable(self, fetched: Mapping[str, float], at: float) -> dict[str, float]:
        """What may be true at a moment; what lies in its future is a wrong clock, and would hide every true fetch beside it."""
        return {code: last for code, last in fetched.items() if last <= at + self.facts.window}

    def _known(self, moment: float, now: float) -> Mapping[str, float]:
        """What was known at a moment: now all that was heard; at the end of the last school hours, what had been told by then."""
        if moment == now:
            return self.heard
        if moment not in self._stood:
            early = {code: last for code, last in self.heard.items() if last <= moment}
            self._stood[moment] = _later(early, self._believable(self.source.fetched(moment, PAST), moment))
        return self._stood[moment]


def _later(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """For each school the later of the two moments."""
    return {code: max(one.get(code, 0.0), other.get(code, 0.0)) for code in one.keys() | other.keys()}
