"""The one objective: in school time, lessons can be had at the front door. Burn-rate alerts by the school calendar. Pure.

Only school time counts: a night's outage costs nothing, ten minutes at first bell cost ten minutes. The budget is what the
objective leaves of the catalog's number of school days. An alert says that a share of that budget went in a window (Google's
SRE workbook, chapter 5: alert on the budget used, over a long and a short window), so a window that holds little school time
cannot cry wolf. What was not measured counts as missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Any, Final

from catalog import City, names
from catalog.school import Stage
from derive import timetable

REACHED: Final = "city:front_door_reached:ratio"
MISSED: Final = "city:front_door_missed_school_seconds:sum"
"""School seconds without lessons in one interval; ``_<window>`` adds them up."""
BUDGET_LEFT: Final = "city:front_door_budget_left:ratio"
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_WEEK: Final = 7


@dataclass(frozen=True)
class Burn:
    """One row of alerting: ``share`` of the budget gone in ``long``, and still going in ``short``."""

    severity: str
    long: str
    short: str
    share: float


BURNS: Final = (
    Burn("page", "1h", "5m", 0.05),
    Burn("page", "1d", "30m", 0.15),
    Burn("ticket", "7d", "6h", 0.30),
)
"""The workbook's three (2 % in 1 h, 5 % in 6 h, 10 % in 3 d of 30 days of 24 h), scaled to 20 days of 9 to 14 h of school."""


def school_day(city: City) -> float:
    """Seconds from the first arrival to the last departure."""
    hours = timetable.hours(city.timetable, _stages(city))
    anywhere = date.min
    return (datetime.combine(anywhere, hours.ends) - datetime.combine(anywhere, hours.starts)).total_seconds()


def _stages(city: City) -> tuple[Stage, ...]:
    return tuple(sorted({stage for school in city.schools for stage in school.stages}))


def budget(city: City) -> float:
    """School seconds that may be missed in the objective's school days."""
    measure = city.coverage
    return (1 - measure.objective_percent / 100) * measure.objective_school_days * school_day(city)


def school_seconds(city: City, window: str) -> float:
    """The most school time that a window of wall-clock time holds."""
    seconds = int(window[:-1]) * _UNITS[window[-1]]
    days = ceil(seconds / _UNITS["d"])
    full = min(days, len(city.timetable.weekdays) if days >= _WEEK else days)
    return min(float(seconds), full * school_day(city))


def period(city: City) -> str:
    """The wall-clock time that the objective's school days take, without holidays."""
    return f"{ceil(city.coverage.objective_school_days * _WEEK / len(city.timetable.weekdays))}d"


def answers(needed_for: str) -> str:
    """For each public route of a kind 1 where its probe got the right answer, else 0, also where the prober itself gave none."""
    probes = f'{{job="{names.FRONT_DOOR}", {names.NEEDED_FOR}=~"{needed_for}"}}'
    return f"(probe_success{probes} or 0 * up{probes})"


def records(city: City, interval: int) -> Iterator[dict[str, Any]]:
    """What is reached, what was missed in each window, and what is left; ``interval``: seconds between two workings-out."""
    # A lesson needs all of them: the mean would call a platform without lessons nearly whole.
    yield {"record": REACHED, "expr": f"min{answers(names.LESSONS)} or vector(0)"}
    in_school = f"(max({names.METRIC_SCHOOL_HOURS}) or vector(1))"
    yield {"record": MISSED, "expr": f"(1 - {REACHED}) * {in_school} * {interval}"}
    for window in sorted({each for burn in BURNS for each in (burn.long, burn.short)}):
        yield {"record": f"{MISSED}_{window}", "expr": f"sum_over_time({MISSED}[{window}])"}
    yield {"record": BUDGET_LEFT, "expr": f"1 - sum_over_time({MISSED}[{period(city)}]) / {budget(city):g}"}


def expression(city: City, burn: Burn) -> str:
    """When the alert of one row fires."""
    spent = burn.share * budget(city)
    still = spent * school_seconds(city, burn.short) / school_seconds(city, burn.long)
    return f"{MISSED}_{burn.long} > {spent:g} and {MISSED}_{burn.short} > {still:g}"
