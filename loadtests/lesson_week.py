"""A week of lessons as a city's schools may show them: live classes of the catalog, and recorded ones drawn from a seed. Pure.

Each class shows so many recorded lessons a day (``derive/figures.py``): some the one that its grade has that day in the whole city, the
others from the grade's library, where a few are shown often and most seldom. A lesson is as long as its period.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from catalog import City
from catalog.school import School, Stage
from catalog.timetable import Period
from derive import figures, timetable
from derive.link_budget import Budget

DAYS = 7


@dataclass(frozen=True)
class Show:
    """A lesson in a school, from its bell on."""

    day: date
    starts: int
    """Minutes after midnight."""
    minutes: int
    school: str
    lesson: str
    classes: int
    """Rooms that watch it together."""
    rendition: str | None
    """What a live class is promised in; None for a recorded lesson, which comes in what the night carries."""


def first_monday(city: City) -> date:
    """The Monday of the first whole week of lessons: every weekday of the timetable is a school day."""
    start = city.timetable.terms[0].starts
    weekdays = len(city.timetable.weekdays)
    for day in (start + timedelta(days=n) for n in count()):
        if (
            day.isoweekday() == 1
            and sum(1 for _ in timetable.school_days(city.timetable, day, day + timedelta(6))) == weekdays
        ):
            return day
    raise AssertionError  # count() does not end


def shows(city: City, monday: date, seed: int) -> tuple[Show, ...]:
    """Everything that is shown in the week of ``monday``, in the order of its days and bells; schools without a link show nothing."""
    days = list(timetable.school_days(city.timetable, monday, monday + timedelta(days=DAYS - 1)))
    found = [show for day in days for show in (*_live(city, day), *_recorded(city, day, seed))]
    return tuple(sorted(found, key=lambda show: (show.day, show.starts, show.school, show.lesson)))


def _live(city: City, day: date) -> Iterator[Show]:
    weekday = timetable.keeps(city.timetable, day)
    for each in Budget(city, {}).streams:
        if each.weekday == weekday:
            starts, ends = (moment.hour * 60 + moment.minute for moment in (each.starts, each.ends))
            yield Show(
                day, starts, ends - starts, each.school, f"live/{each.lesson}/{day}", each.classes, each.rendition
            )


def _recorded(city: City, day: date, seed: int) -> Iterator[Show]:
    for school in city.schools:
        if not school.uplink:
            continue
        dice = random.Random(f"{seed}/{day}/{school.code}")  # noqa: S311  # a timetable, not a secret
        for stage in school.stages:
            periods = timetable.bells(city.timetable, stage).periods
            for grade in _grades(school, stage):
                for _ in range(_times(dice, figures.SHOWN_LESSONS.value)):
                    yield _show(day, school, dice.choice(periods), _lesson(dice, stage, grade, day))


def _grades(school: School, stage: Stage) -> Iterator[int]:
    """The grade of each class of a stage: classes are dealt to the stages, then to their grades."""
    rooms = school.classes // len(school.stages)
    return (room % figures.GRADES[stage] for room in range(max(1, rooms)))


def _times(dice: random.Random, mean: float) -> int:
    return int(mean) + (dice.random() < mean % 1)


def _lesson(dice: random.Random, stage: Stage, grade: int, day: date) -> str:
    if dice.random() < figures.COMMON_LESSONS.value:
        return f"{stage}/{grade}/{day}"
    # The square of an even draw: half of the lessons shown are a quarter of the library.
    return f"{stage}/{grade}/{int(dice.random() ** 2 * figures.LIBRARY.value)}"


def _show(day: date, school: School, period: Period, lesson: str) -> Show:
    starts, ends = (moment.hour * 60 + moment.minute for moment in (period.starts, period.ends))
    return Show(day, starts, ends - starts, school.code, lesson, 1, None)


def bell(city: City, show: Show) -> int:
    """When ``show`` begins, Unix seconds."""
    midnight = datetime.combine(show.day, datetime.min.time(), ZoneInfo(city.timezone))
    return int((midnight + timedelta(minutes=show.starts)).timestamp())
