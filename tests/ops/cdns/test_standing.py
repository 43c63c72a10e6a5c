"""Which plans of the bucket another publishing ends, and of which day they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from derive.prefetch import Item, Night, Plan
from ops.cdns import standing
from ops.cdns.standing import Ending, Standing

ONE, TWO, THREE = "2990100005", "2990100006", "2990100001"
EVENING, NOON = datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 30, 4, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 11, 30), date(2026, 12, 1)


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def plan(city: City, school: str, day: date = MONDAY, size: int = 1) -> Plan:
    return replace(Night(city, day, {}).cancelled(school), items=(Item("/lessons/x", size, 0, "x"),))


def found(city: City, *plans: Plan, now: datetime = EVENING) -> list[Standing]:
    return standing.of(city, {each.school: each.document(EVENING) for each in plans}, now)


def test_a_plan_is_in_force_until_its_night_is_over_if_it_fetches_anything(tiny: City) -> None:
    empty = Night(tiny, MONDAY, {}).cancelled(TWO)
    [only] = found(tiny, plan(tiny, ONE), empty)
    assert (only.school, only.day, f"{only.ends:%H:%M}") == (ONE, MONDAY, "06:00")
    assert found(tiny, plan(tiny, ONE), now=NOON) == []
    assert standing.of(tiny, {"0000000000": plan(tiny, ONE).document(EVENING)}, EVENING) == [], "no school any more"


def test_what_differs_is_replaced_what_is_missing_cancelled_and_what_is_the_same_goes_on(tiny: City) -> None:
    before = found(tiny, *(plan(tiny, code) for code in (ONE, TWO, THREE)))
    plans = [plan(tiny, ONE), plan(tiny, TWO, size=2)]
    ends = standing.ending(before, plans, whole=True)
    assert ([each.school for each in ends.replaced], [each.school for each in ends.cancelled]) == ([TWO], [THREE])
    assert standing.ending(before, plans, whole=False).cancelled == ()
    assert standing.sentence(ends) == (
        "replaces the plans of 2026-11-30 of 1 school; cancels the plans of 2026-11-30 of 1 school"
    )
    assert standing.sentence(Ending((), ())) == ""
    standing.refuse_other_day(ends, MONDAY)


def test_plans_of_another_day_are_named_with_the_moment_when_they_may_be_replaced(tiny: City) -> None:
    before = found(tiny, plan(tiny, ONE), plan(tiny, TWO))
    ends = standing.ending(before, [plan(tiny, ONE, TUESDAY)], whole=True)
    with pytest.raises(UserError, match="2026-11-30 of 2 schools are in force until 2026-11-30 06:00") as refused:
        standing.refuse_other_day(ends, TUESDAY)
    assert "--replace-day" in str(refused.value)
