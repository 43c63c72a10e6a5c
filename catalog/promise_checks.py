"""Checks of what is promised: live classes at no bell, outside their alliance, in a rendition that is not streamed, in too many classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from catalog.facts import Facts, Finding
from catalog.media import Live
from catalog.problems import shown
from catalog.promise import LinkBudget, LiveClass
from catalog.school import Alliance, School
from catalog.timetable import Timetable
from catalog.wording import did_you_mean

_BUDGET: Final = "link_budget"


def promise_checks() -> tuple[Callable[[Facts], Iterator[Finding]], ...]:
    """The checks of this file."""
    return (slots, inside_the_alliance, takings, boxless, fetching_ahead)


def _live(facts: Facts) -> Iterator[tuple[int, LiveClass, Alliance | None]]:
    alliances: dict[str, Alliance] = {each.id: each for each in facts.of("alliances").values()}
    for index, live in facts.of("live_classes").items():
        yield index, live, alliances.get(live.alliance)


def slots(facts: Facts) -> Iterator[Finding]:
    """A class on a day without school, at a time without a period, or twice at one time."""
    timetable: Timetable | None = facts.single.get("timetable")
    if timetable is None:
        return
    for index, live, alliance in _live(facts):
        bells = next((each for each in timetable.bells if alliance and alliance.stage in each.stages), None)
        for position, slot in enumerate(live.slots):
            path = ("slots", position)
            if slot in live.slots[:position]:
                yield Finding("live_classes", index, path, "this time stands twice: keep one")
            if slot.weekday not in timetable.weekdays:
                days = ", ".join(map(str, timetable.weekdays))
                message = f"there are no lessons on this day; there are on {days}"
                yield Finding("live_classes", index, (*path, "weekday"), message)
            known = [period.id for period in bells.periods] if bells else [slot.period]
            if bells and alliance and slot.period not in known:
                message = (
                    f"{shown(slot.period)} is no period of the stage `{alliance.stage}`{did_you_mean(slot.period, known)}; "
                    f"there are: {', '.join(known)}"
                )
                yield Finding("live_classes", index, (*path, "period"), message)


def inside_the_alliance(facts: Facts) -> Iterator[Finding]:
    """A school that gives or takes a class without being in its alliance: live is inside the alliance only."""
    known = facts.declared("schools")
    for index, live, alliance in _live(facts):
        if alliance is None:
            continue
        members = {code for _, code in alliance.members}
        places = [(("gives",), live.gives), *((("takes", n, "school"), one.school) for n, one in enumerate(live.takes))]
        for path, code in places:
            if code in known and code not in members:
                message = f"the school {code} is not in the alliance `{alliance.id}`: live is inside the alliance only"
                yield Finding("live_classes", index, path, message)


def takings(facts: Facts) -> Iterator[Finding]:
    """A school that is not there or stands twice, more classes than it has, or a rendition that no class is streamed in."""
    # Where a code is given twice, the first has it.
    schools: dict[str, School] = {school.code: school for school in reversed(facts.of("schools").values())}
    live_facts: Live | None = facts.single.get("live")
    streamed = live_facts.renditions if live_facts else ()
    for index, live, _ in _live(facts):
        seen: set[str] = set()
        for position, taking in enumerate(live.takes):
            path = ("takes", position)
            if taking.school not in facts.declared("schools"):
                message = f"{shown(taking.school)} is not one of the city's schools"
                yield Finding("live_classes", index, (*path, "school"), message)
            if taking.school in seen:
                message = f"the school {taking.school} stands twice: write its classes into one row"
                yield Finding("live_classes", index, (*path, "school"), message)
            seen.add(taking.school)
            school = schools.get(taking.school)
            if school and taking.classes > school.classes:
                message = f"{taking.classes} classes of a school that has {school.classes}"
                yield Finding("live_classes", index, (*path, "classes"), message)
            if streamed and taking.rendition not in streamed:
                near = did_you_mean(taking.rendition, streamed)
                message = f"{shown(taking.rendition)} is not streamed live{near}; there are: {', '.join(streamed)}"
                yield Finding("live_classes", index, (*path, "rendition"), message)


def boxless(facts: Facts) -> Iterator[Finding]:
    """A school without a box that is not there, or stands twice."""
    budget: LinkBudget | None = facts.single.get(_BUDGET)
    for position, code in enumerate(budget.boxless if budget else ()):
        path = ("boxless", position)
        if code not in facts.declared("schools"):
            yield Finding(_BUDGET, 0, path, f"{shown(code)} is not one of the city's schools")
        if budget and code in budget.boxless[:position]:
            yield Finding(_BUDGET, 0, path, f"{shown(code)} stands twice in this list: keep one")


def fetching_ahead(facts: Facts) -> Iterator[Finding]:
    """Fetching ahead in school hours, when the link is wanted for lessons."""
    budget: LinkBudget | None = facts.single.get(_BUDGET)
    timetable: Timetable | None = facts.single.get("timetable")
    if budget is None or timetable is None:
        return
    arrival = min(each.arrival for each in timetable.bells)
    departure = max(each.departure for each in timetable.bells)
    if budget.prefetch_to > arrival:
        message = f"{budget.prefetch_to:%H:%M} is after {arrival:%H:%M}, when the first school begins"
        yield Finding(_BUDGET, 0, ("prefetch_to",), message)
    if budget.over_midnight and budget.prefetch_from < departure:
        message = f"{budget.prefetch_from:%H:%M} is before {departure:%H:%M}, when the last school ends"
        yield Finding(_BUDGET, 0, ("prefetch_from",), message)
