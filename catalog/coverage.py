"""How the reach of the platform is measured: when a school counts as covered, what is promised, how long readings are kept."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from catalog.types import Fact, Sentence

KEEP_DAYS: Final = 184
"""The longest six months (March to August): network logs are kept at least so long (Cybersecurity Law, article 21)."""


class Coverage(Fact):
    """The measure of reach, the same for every school."""

    window_minutes: Annotated[int, Field(ge=2, le=1440)]
    """A school is covered when its box fetched a lesson segment in the last so many minutes."""
    probe_seconds: Annotated[int, Field(ge=10, le=3600)]
    """How often a box fetches one, s."""
    late_days: Annotated[int, Field(ge=1, le=60)]
    """How old the readings of a box that was offline may be when they arrive, days."""
    metrics_days: Annotated[int, Field(ge=KEEP_DAYS, le=3660)]
    """How long readings are kept, days; six months at least."""
    objective_percent: Annotated[float, Field(gt=50, lt=100)]
    """Share of school time in which lessons can be had at the front door, %."""
    objective_school_days: Annotated[int, Field(ge=5, le=60)]
    """The school days over which that share is counted."""
    source: Sentence
    """Where these figures come from."""

    @property
    def window_seconds(self) -> int:
        """`window_minutes`, in seconds."""
        return self.window_minutes * 60
