"""The coverage contract. Pure.

*A school is covered when its box fetched a lesson segment through the platform's own path within the last N minutes* (N: the
catalog's ``coverage.window_minutes``). A school that was heard and is not covered is stale; one that was never heard is unknown,
and not covered. The denominator is the catalog. Coverage is judged in school hours; outside them the last verdict stands, dated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from catalog import City
from catalog.school import STAGES, SchoolKind
from derive import timetable
from monitoring.facts import Facts


class State(StrEnum):
    """What is known of a school's reach; only the first counts as good."""

    COVERED = "covered"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One school's state, the moment for which it holds, and its last fetch; Unix seconds."""

    state: State
    judged: float
    fetched: float | None


def series(city: City) -> dict[str, dict[str, str]]:
    """School code -> labels of its coverage series: the monitoring surface's row per school."""
    return {
        each.code: {
            "school": each.code,
            "district": each.district,
            "locality": each.locality.value,
            "wave": each.wave,
        }
        for each in city.schools
    }


def moments(facts: Facts, now: float) -> dict[SchoolKind, float]:
    """For each kind of school the moment that ``now`` judges: itself in school hours, else the end of the last ones.

    Before the very first school day nothing was judged that could stand, so ``now`` counts.
    """
    aware = datetime.fromtimestamp(now, UTC)
    found = {}
    for kind in {row.kind for row in facts.schools}:
        last = timetable.last_moment(facts.timetable, facts.zone, aware, STAGES[kind])
        found[kind] = now if last is None else min(now, last.timestamp())
    return found


def in_hours(facts: Facts, now: float) -> bool:
    """Whether any school of the city has school hours now."""
    aware = datetime.fromtimestamp(now, UTC)
    kinds = {row.kind for row in facts.schools}
    return any(timetable.in_hours(facts.timetable, facts.zone, aware, STAGES[kind]) for kind in kinds)


def judge(
    facts: Facts, at: Mapping[SchoolKind, float], fetched: Mapping[SchoolKind, Mapping[str, float]]
) -> dict[str, Verdict]:
    """Every school's verdict at the moment of its kind; ``fetched``: kind -> code -> last fetch known at that moment.

    A fetch from further in the future than the window is a wrong clock and covers nothing.
    """
    found = {}
    for row in facts.schools:
        moment, last = at[row.kind], fetched[row.kind].get(row.code)
        found[row.code] = Verdict(_state(moment, last, facts.window), moment, last)
    return found


def _state(moment: float, last: float | None, window: float) -> State:
    if last is None:
        return State.UNKNOWN
    return State.COVERED if abs(moment - last) <= window else State.STALE


def ratio(verdicts: Iterable[Verdict]) -> float:
    """Share of covered schools; 0 where there is no school, since nothing is reached there."""
    states = [verdict.state is State.COVERED for verdict in verdicts]
    return sum(states) / len(states) if states else 0.0
