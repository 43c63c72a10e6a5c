"""Tomorrow's recorded lessons as an operator writes them down: CSV or YAML with date, school, period, lesson and classes.

One file is one day of the city. Everything that is wrong is said in one go, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from catalog import City
from catalog.problems import shown
from catalog.school import School, Stage
from catalog.timetable import Period
from derive import timetable
from derive.lesson import LESSON_ID
from derive.prefetch import Showing
from ops.cdns import sheet
from ops.cdns.sheet import Row, Sheet

COLUMNS: Final = ("date", "school", "period", "lesson", "classes")
_COUNT: Final = re.compile(r"[0-9]{1,6}")
"""A number of classes; no school has a million, and Python makes no number of 5,000 digits."""
STAGE: Final = "stage"
"""A column for schools whose stages keep different bells."""


@dataclass(frozen=True)
class Day:
    """A day's recorded lessons."""

    day: date
    showings: tuple[Showing, ...]
    lines: dict[str, int]
    """Lesson -> the first line that names it."""
    at: tuple[int, ...]
    """The line of each showing."""
    sheet: Sheet


def read(path: Path, city: City) -> Day:
    """The timetable in ``path``. Raises `UserError` with every problem at once."""
    table = sheet.read(path, COLUMNS, (STAGE,))
    days = {row.cells["date"]: _day(table, row, city) for row in table.rows if row.cells["date"]}
    for row in table.rows:
        if row.cells["date"] and row.cells["date"] != table.rows[0].cells["date"]:
            table.wrong(row.line, "date", f"another day than {table.rows[0].cells['date']}: a file is one day")
    found = [(each, row.line) for row in table.rows for each in _showing(table, row, city, days.get(row.cells["date"]))]
    table.refuse()
    lines = {row.cells["lesson"]: row.line for row in reversed(table.rows)}
    day = next(each for each in days.values() if each)
    return Day(day, tuple(each for each, _ in found), lines, tuple(line for _, line in found), table)


def _day(table: Sheet, row: Row, city: City) -> date | None:
    text = row.cells["date"]
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # a day has no zone
    except ValueError:
        table.wrong(row.line, "date", f"{shown(text)} is no day: write YYYY-MM-DD, for instance 2026-11-30")
        return None
    if timetable.keeps(city.timetable, day) is None:
        table.wrong(row.line, "date", f"there is no school on {day} ({day:%A})")
    return day


def _showing(table: Sheet, row: Row, city: City, day: date | None) -> Iterator[Showing]:
    """The row as a showing; nothing, and every problem noted, where it is none."""
    cells, before = row.cells, len(table.problems)
    school = city.by_code.get(cells["school"])
    if cells["school"] and school is None:
        table.wrong(row.line, "school", f"{shown(cells['school'])} is not one of the city's schools")
    if cells["lesson"] and not LESSON_ID.fullmatch(cells["lesson"]):
        table.wrong(row.line, "lesson", f"{shown(cells['lesson'])} is no lesson id: `huiju lesson list` shows them")
    classes = int(cells["classes"]) if _COUNT.fullmatch(cells["classes"]) else 0
    if cells["classes"] and not classes:
        table.wrong(row.line, "classes", f"{shown(cells['classes'])} is no number of classes: write 1 or more")
    if school and classes > school.classes:
        table.wrong(row.line, "classes", f"{classes} classes of a school that has {school.classes}")
    period = _period(table, row, city, school) if school and cells["period"] else None
    if day and school and period and len(table.problems) == before and all(cells[each] for each in COLUMNS):
        bells = (datetime.combine(day, bell, ZoneInfo(city.timezone)) for bell in (period.starts, period.ends))
        starts, ends = (int(bell.timestamp()) for bell in bells)
        yield Showing(school.code, cells["lesson"], starts, classes, ends)


def _period(table: Sheet, row: Row, city: City, school: School) -> Period | None:
    """The period by the bells of the school's stages; the row says the stage where they ring at different times."""
    wanted, stage = row.cells["period"], row.cells[STAGE]
    if stage and stage not in school.stages:
        table.wrong(row.line, STAGE, f"{shown(stage)} is not taught there; there are: {', '.join(school.stages)}")
        return None
    stages = (Stage(stage),) if stage else school.stages
    bells = [timetable.bells(city.timetable, each) for each in stages]
    found = {(each.starts, each.ends): each for one in bells for each in one.periods if each.id == wanted}
    if not found:
        known = dict.fromkeys(each.id for one in bells for each in one.periods)
        table.wrong(row.line, "period", f"{shown(wanted)} is no period there; there are: {', '.join(known)}")
    if len(found) > 1:
        message = f"{shown(wanted)} begins at different times in {', '.join(stages)}: say which in a column `{STAGE}`"
        table.wrong(row.line, "period", message)
    return next(iter(found.values())) if len(found) == 1 else None
