"""What one process counts besides Locust's own statistics: plays, lateness, and how hard-pressed the generator itself is. Pure.

Tallies are sums and maxima since the start, so that the newest report of each process is all that has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

BUSY_CPU: Final = 0.9
"""Share of one core from which a process of ours is called busy: its greenlets then queue for it (Locust warns at the same mark)."""
BUSY_LAG: Final = 0.1
"""Seconds by which a timer may go off late before the process is called busy: that much is added to what it measures."""
BUSY_SHARE: Final = 0.05
"""Share of seconds, or of arrivals, from which the generator is called the bottleneck: more would reach a 95th percentile."""
WAKE_UPS: Final = 3
"""Times that a request waits for the process, each as late as its timers may be: to send, for the head, for the body."""
LATE: Final = 0.5
"""Seconds after which an arrival counts as late."""


class Tally(BaseModel):
    """One process's counts."""

    arrived: int = 0
    late: int = 0
    """People who began more than ``LATE`` after their moment."""
    unanswered: int = 0
    """Requests still open when the run ended."""
    plays: int = 0
    stalled_plays: int = 0
    """Plays that stood still, or never began."""
    stalls: int = 0
    stalled_seconds: float = 0.0
    present: int = 0
    """People who are there now."""
    playing: int = 0
    """Of these, those who watch a lesson."""
    until: float = 0.0
    """Second of the run up to which this counts."""
    seconds: int = 0
    """Seconds watched over."""
    busy: int = 0
    """Of these, seconds in which the process was busy."""
    top_cpu: float = 0.0
    """Highest share of a core in one second."""
    top_lag: float = 0.0
    """Longest lateness of a timer, s."""

    def second(self, cpu: float, lag: float) -> None:
        """A second has passed: the process took ``cpu`` of a core, and a timer went off ``lag`` s late."""
        self.seconds += 1
        self.busy += cpu >= BUSY_CPU or lag >= BUSY_LAG
        self.top_cpu, self.top_lag = max(self.top_cpu, cpu), max(self.top_lag, lag)

    def arrive(self, late: float) -> None:
        """Somebody began ``late`` s after the moment that the plan says."""
        self.arrived += 1
        self.late += late > LATE


def total(tallies: Iterable[Tally]) -> Tally:
    """All processes together: sums, the worst of each maximum, up to the second that all have reported."""
    rows = [each.model_dump() for each in tallies] or [Tally().model_dump()]
    special = {"top_cpu": max, "top_lag": max, "until": min}
    joined = {name: special.get(name, sum) for name in Tally.model_fields}
    return Tally.model_validate({name: join(row[name] for row in rows) for name, join in joined.items()})


def bottleneck(whole: Tally) -> str:
    """Why the generator's timing is not to be trusted, in a sentence; empty when it is."""
    reasons = []
    if whole.busy > BUSY_SHARE * whole.seconds:
        cure = "give it more processes" if whole.top_cpu >= BUSY_CPU else "its machine is full: use another one"
        often = f"busy in {whole.busy} of {whole.seconds} s"
        reasons.append(
            f"{often} (up to {whole.top_cpu:.0%} of a core, timers up to {whole.top_lag:.2f} s late; {cure})"
        )
    if whole.late > BUSY_SHARE * whole.arrived:
        reasons.append(f"late with {whole.late} of {whole.arrived} people")
    return f"the load generator was {' and '.join(reasons)}" if reasons else ""


def slack(whole: Tally) -> float:
    """Seconds that a busy generator may have added to a time that it measured."""
    return WAKE_UPS * whole.top_lag
