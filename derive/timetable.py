"""When school is on: school days, school hours and bells, from the catalog's timetable. Pure.

Load tests derive their arrival curve from it, monitoring judges coverage and burns its error budget by it. Moments are aware
datetimes in any zone; days, bells and hours are meant in the city's zone, handed over as an IANA name (``City.timezone``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from catalog.school import Stage
from catalog.timetable import BellSchedule, Timetable

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hours:
    """School hours of a day: from the first arrival up to, and without, the last departure."""

    starts: time
    ends: time


def keeps(timetable: Timetable, day: date) -> int | None:
    """The weekday (1 is Monday) whose lessons are given on ``day``; None when there is no school."""
    for extra in timetable.make_up_days:
        if extra.day == day:
            return extra.follows
    if not any(term.starts <= day <= term.ends for term in timetable.terms):
        return None
    if any(holiday.starts <= day <= holiday.ends for holiday in timetable.holidays):
        return None
    return day.isoweekday() if day.isoweekday() in timetable.weekdays else None


def school_days(timetable: Timetable, first: date, last: date) -> Iterator[date]:
    """The days with lessons from ``first`` to ``last``, both included."""
    days = (first + DAY * n for n in range((last - first).days + 1))
    return (day for day in days if keeps(timetable, day) is not None)


def bells(timetable: Timetable, stage: Stage) -> BellSchedule:
    """The schedule that ``stage`` keeps; the catalog's checks make sure that there is exactly one."""
    return next(schedule for schedule in timetable.bells if stage in schedule.stages)


def hours(timetable: Timetable, stages: Iterable[Stage]) -> Hours:
    """From the earliest arrival to the latest departure of ``stages``, for instance those of one school."""
    kept = [bells(timetable, stage) for stage in stages]
    return Hours(min(each.arrival for each in kept), max(each.departure for each in kept))


def in_hours(timetable: Timetable, zone: str, moment: datetime, stages: Iterable[Stage]) -> bool:
    """Whether ``moment`` lies in the school hours of a school day."""
    local = moment.astimezone(ZoneInfo(zone))
    kept = hours(timetable, stages)
    return keeps(timetable, local.date()) is not None and kept.starts <= local.time() < kept.ends


def last_moment(timetable: Timetable, zone: str, moment: datetime, stages: Iterable[Stage]) -> datetime | None:
    """The latest moment up to ``moment`` with school on: itself, or the end of the last school day; None before the first."""
    kept, tz = hours(timetable, stages), ZoneInfo(zone)
    local = moment.astimezone(tz)
    first = min(term.starts for term in timetable.terms)
    for back in range((local.date() - first).days + 1):
        day = local.date() - DAY * back
        if keeps(timetable, day) is not None and datetime.combine(day, kept.starts, tz) <= local:
            return min(local, datetime.combine(day, kept.ends, tz))
    return None


def school_seconds(timetable: Timetable, zone: str, start: datetime, end: datetime, stages: Iterable[Stage]) -> float:
    """Seconds of school hours between two moments; 0 when ``end`` is not after ``start``."""
    kept, tz = hours(timetable, stages), ZoneInfo(zone)
    first, last = start.astimezone(tz).date(), end.astimezone(tz).date()
    spans = (
        (datetime.combine(day, kept.starts, tz), datetime.combine(day, kept.ends, tz))
        for day in school_days(timetable, first, last)
    )
    # Differences of timestamps: between two datetimes of one zone Python ignores that a clock may have been put forward.
    overlaps = (min(end, ends).timestamp() - max(start, starts).timestamp() for starts, ends in spans)
    return sum(overlap for overlap in overlaps if overlap > 0)
