"""When school is on: bells, terms, holidays and make-up days. Times are local (the city's time zone)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from catalog.school import Stage
from catalog.types import Day, Fact, Names, Sentence, Slug, TimeOfDay


class Period(Fact):
    """One lesson of the day."""

    id: Slug
    """Short id, for instance ``p1``."""
    starts: TimeOfDay
    """First bell, for instance ``"08:30"``."""
    ends: TimeOfDay
    """Last bell."""


class BellSchedule(Fact):
    """The lessons of a school day, for some stages."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """The stages that keep it; each stage keeps exactly one."""
    arrival: TimeOfDay
    """When students arrive and sign in: the start of school hours."""
    departure: TimeOfDay
    """The end of school hours."""
    periods: Annotated[tuple[Period, ...], Field(min_length=1)]
    """Lessons, in order."""


class Term(Fact):
    """A term."""

    id: Slug
    """Short id, for instance ``autumn-2026``."""
    name: Names
    """Its name."""
    starts: Day
    """First day with lessons."""
    ends: Day
    """Last day with lessons."""


class Holiday(Fact):
    """Days without lessons inside a term."""

    name: Names
    """Its name."""
    starts: Day
    """First day."""
    ends: Day
    """Last day."""


class MakeUpDay(Fact):
    """A weekend day with lessons (调休)."""

    day: Day
    """The day."""
    follows: Annotated[int, Field(ge=1, le=7)]
    """The weekday whose timetable it follows: 1 is Monday."""


class Timetable(Fact):
    """The school year."""

    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1)]
    """Days with lessons: 1 is Monday."""
    bells: Annotated[tuple[BellSchedule, ...], Field(min_length=1)]
    """The day's schedule, by stage."""
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    """Terms, in order."""
    holidays: tuple[Holiday, ...]
    """Days off inside terms."""
    make_up_days: tuple[MakeUpDay, ...]
    """Weekend days with lessons."""
    source: Sentence
    """Where these dates come from."""
