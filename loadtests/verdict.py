"""Targets against readings: met, missed, or not known. Pure.

A verdict that nobody could know is not a pass: too few samples leave a target open, and so does a load generator that was itself too slow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from catalog.target import Direction, Measure, Target

MEASURES: Final = (
    Measure.SIGN_IN_P95_MS,
    Measure.SEGMENT_P95_MS,
    Measure.STALLED_PLAYS_PERCENT,
    Measure.FAILED_REQUESTS_PERCENT,
)
"""What a load test measures."""
PERCENTILE: Final = 0.95
DOUBT: Final = 0.05
"""Samples must be so many that a good result by luck is at most this likely."""
TIMES: Final = frozenset({Measure.SIGN_IN_P95_MS, Measure.SEGMENT_P95_MS})
"""Measures in milliseconds, as 95th percentiles."""


class Exit(IntEnum):
    """Exit codes of a load test. A missed target is told from a run that broke."""

    MET = 0
    MISSED = 1
    BROKEN = 2
    UNKNOWN = 3


class Outcome(StrEnum):
    """How a target came out; ``unknown`` is not a pass."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


class Reading(BaseModel):
    """A measured value, in its measure's unit (None: nothing was measured), and from how many samples."""

    model_config = ConfigDict(frozen=True)

    value: float | None
    samples: int


class Goal(BaseModel):
    """A target of the catalog, as a run carries it."""

    model_config = ConfigDict(frozen=True)

    name: dict[str, str]
    """Language -> name."""
    measure: Measure
    direction: Direction
    value: float


class Verdict(BaseModel):
    """A target, what was measured, and what follows."""

    model_config = ConfigDict(frozen=True)

    goal: Goal
    reading: Reading
    outcome: Outcome
    why: str = ""


def goals(targets: Iterable[Target]) -> tuple[Goal, ...]:
    """The targets that a load test can judge."""
    return tuple(
        Goal(
            name={"zh": each.name.zh, "en": each.name.en},
            measure=each.measure,
            direction=each.direction,
            value=each.value,
        )
        for each in targets
        if each.measure in MEASURES
    )


def needed(goal: Goal) -> int:
    """How many samples are needed before a good value means something.

    If the rate were just worse than the target (5 % of sign-ins above the limit for a 95th percentile, the limit itself for a
    share), fewer samples would show none at all with a likelihood of more than ``DOUBT``.
    """
    rate = 1 - PERCENTILE if goal.measure in TIMES else goal.value / 100
    return math.ceil(math.log(DOUBT) / math.log(1 - rate)) if 0 < rate < 1 else 1


@dataclass(frozen=True)
class Doubt:
    """Why the load generator's own timing is not to be trusted, and how much of each measure it may have made itself, at most."""

    why: str = ""
    slack: Mapping[Measure, float] = field(default_factory=dict)


CERTAIN: Final = Doubt()


def judge(goal: Goal, reading: Reading, doubt: Doubt = CERTAIN) -> Verdict:
    """The verdict on one target. What is too much even without what the generator may have added is missed all the same."""
    if reading.value is None or not reading.samples:
        return Verdict(goal=goal, reading=reading, outcome=Outcome.UNKNOWN, why="nothing was measured")
    met = _met(goal, reading.value)
    if not met and doubt.why and _met(goal, reading.value - doubt.slack.get(goal.measure, 0.0)):
        return Verdict(goal=goal, reading=reading, outcome=Outcome.UNKNOWN, why=doubt.why)
    if met and reading.samples < needed(goal):
        why = f"{reading.samples} samples; {needed(goal)} are needed to tell"
        return Verdict(goal=goal, reading=reading, outcome=Outcome.UNKNOWN, why=why)
    return Verdict(goal=goal, reading=reading, outcome=Outcome.MET if met else Outcome.MISSED)


def _met(goal: Goal, value: float) -> bool:
    return value <= goal.value if goal.direction is Direction.AT_MOST else value >= goal.value


def judge_all(
    wanted: Iterable[Goal], readings: Mapping[Measure, Reading], doubt: Doubt = CERTAIN
) -> tuple[Verdict, ...]:
    """The verdict on every target."""
    nothing = Reading(value=None, samples=0)
    return tuple(judge(goal, readings.get(goal.measure, nothing), doubt) for goal in wanted)


def exit_code(verdicts: Iterable[Verdict]) -> Exit:
    """Missed beats unknown beats met; without a single verdict nothing is known."""
    found = {verdict.outcome for verdict in verdicts}
    if Outcome.MISSED in found:
        return Exit.MISSED
    return Exit.MET if found == {Outcome.MET} else Exit.UNKNOWN


TITLES: Final = ("Target", "Measured", "Limit", "Verdict", "Samples", "Why")


def cells(verdict: Verdict) -> tuple[str, ...]:
    """One verdict as a row under ``TITLES``."""
    goal, reading = verdict.goal, verdict.reading
    _, _, unit = goal.measure.rpartition("-")
    measured = "nothing" if reading.value is None else f"{reading.value:,.4g} {unit}"
    limit = f"{goal.direction.value.replace('-', ' ')} {goal.value:,.4g} {unit}"
    name = f"{goal.name['zh']} {goal.name['en']}"
    return name, measured, limit, verdict.outcome.value, str(reading.samples), verdict.why
