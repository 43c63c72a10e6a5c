"""Checks of dates and times: periods that end before they start, terms and lessons that overlap, days outside any term."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from typing import Final

from catalog.facts import Facts, Finding
from catalog.timetable import BellSchedule, Term, Timetable

DATED: Final = ("waves", "agreements", "funding_sources")
"""Sections whose rows have ``starts`` and ``ends``."""
_SECTION: Final = "timetable"


def calendar_checks() -> tuple[Callable[[Facts], Iterator[Finding]], ...]:
    """The checks of this file."""
    return (ends_after_start, bells, terms, days_off, make_up_days)


def ends_after_start(facts: Facts) -> Iterator[Finding]:
    """A period that ends before it starts."""
    for section in DATED:
        for index, row in facts.of(section).items():
            if row.ends < row.starts:
                yield Finding(section, index, ("ends",), f"{row.ends} is before the start, {row.starts}")
    for path, item in ((("terms", n), term) for n, term in enumerate(_timetable_terms(facts))):
        if item.ends < item.starts:
            yield Finding(_SECTION, 0, (*path, "ends"), f"{item.ends} is before the start, {item.starts}")


def bells(facts: Facts) -> Iterator[Finding]:
    """A stage with no schedule or with two; lessons that overlap or lie outside school hours."""
    timetable: Timetable | None = facts.single.get(_SECTION)
    if timetable is None:
        return
    scheduled: set[str] = set()
    for index, schedule in enumerate(timetable.bells):
        for position, stage in enumerate(schedule.stages):
            if stage in scheduled:
                message = f"the stage `{stage}` already has bells: each stage keeps one schedule"
                yield Finding(_SECTION, 0, ("bells", index, "stages", position), message)
            scheduled.add(stage)
        yield from _lessons(index, schedule)
    taught = {stage for school in facts.of("schools").values() for stage in school.stages}
    for stage in sorted(taught - scheduled):
        yield Finding(_SECTION, 0, ("bells",), f"no bells for the stage `{stage}`, which some school teaches")


def _lessons(index: int, schedule: BellSchedule) -> Iterator[Finding]:
    previous, seen = schedule.arrival, set[str]()
    for position, period in enumerate(schedule.periods):
        path = ("bells", index, "periods", position)
        if period.id in seen:
            yield Finding(_SECTION, 0, (*path, "id"), f"`{period.id}` stands twice in this schedule")
        if period.starts < previous:
            yield Finding(
                _SECTION,
                0,
                (*path, "starts"),
                f"{period.starts:%H:%M} is before {previous:%H:%M}, when the one before ends",
            )
        if period.ends <= period.starts:
            yield Finding(
                _SECTION, 0, (*path, "ends"), f"{period.ends:%H:%M} is not after the start, {period.starts:%H:%M}"
            )
        previous = max(previous, period.ends)
        seen.add(period.id)
    if schedule.departure < previous:
        yield Finding(
            _SECTION,
            0,
            ("bells", index, "departure"),
            f"{schedule.departure:%H:%M} is before the last bell, {previous:%H:%M}",
        )


def terms(facts: Facts) -> Iterator[Finding]:
    """Terms out of order, overlapping, or of one id."""
    listed = _timetable_terms(facts)
    for position, (earlier, later) in enumerate(pairwise(listed), start=1):
        if later.starts <= earlier.ends:
            message = f"{later.starts} is not after the end of the term before it, {earlier.ends}"
            yield Finding(_SECTION, 0, ("terms", position, "starts"), message)
        if later.id in {term.id for term in listed[:position]}:
            yield Finding(_SECTION, 0, ("terms", position, "id"), f"`{later.id}` stands twice")


def days_off(facts: Facts) -> Iterator[Finding]:
    """A holiday that ends before it starts or touches no term."""
    timetable: Timetable | None = facts.single.get(_SECTION)
    for position, holiday in enumerate(timetable.holidays if timetable else ()):
        path = ("holidays", position)
        if holiday.ends < holiday.starts:
            yield Finding(_SECTION, 0, (*path, "ends"), f"{holiday.ends} is before the start, {holiday.starts}")
        elif not any(t.starts <= holiday.ends and holiday.starts <= t.ends for t in _timetable_terms(facts)):
            yield Finding(_SECTION, 0, (*path, "starts"), "these days lie in no term: leave them out")


def make_up_days(facts: Facts) -> Iterator[Finding]:
    """A make-up day outside terms, on a school day, twice, or in a holiday."""
    timetable: Timetable | None = facts.single.get(_SECTION)
    seen: set[date] = set()
    if timetable is None:
        return
    for position, extra in enumerate(timetable.make_up_days):
        path = ("make_up_days", position, "day")
        if extra.day in seen:
            yield Finding(_SECTION, 0, path, f"{extra.day} stands twice")
        if extra.day.isoweekday() in timetable.weekdays:
            yield Finding(_SECTION, 0, path, f"{extra.day} is a school day anyway ({extra.day:%A})")
        if not any(t.starts <= extra.day <= t.ends for t in timetable.terms):
            yield Finding(_SECTION, 0, path, f"{extra.day} lies in no term")
        if any(h.starts <= extra.day <= h.ends for h in timetable.holidays):
            yield Finding(_SECTION, 0, path, f"{extra.day} lies in a holiday")
        seen.add(extra.day)


def _timetable_terms(facts: Facts) -> tuple[Term, ...]:
    timetable: Timetable | None = facts.single.get(_SECTION)
    return timetable.terms if timetable else ()
