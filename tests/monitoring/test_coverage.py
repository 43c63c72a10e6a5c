"""The coverage contract, on both sides of each of its edges."""

from __future__ import annotations

import pytest

from catalog import City
from catalog.school import SchoolKind
from monitoring import coverage, facts
from monitoring.coverage import State
from monitoring.facts import Facts
from tests.monitoring.conftest import moment

TUESDAY = moment("2026-11-24 10:00")


def judged(known: Facts, now: float, last: dict[str, float]) -> dict[str, coverage.Verdict]:
    """Verdicts at ``now`` when ``last`` was heard."""
    at = coverage.moments(known, now)
    return coverage.judge(known, at, dict.fromkeys(at, last))


@pytest.mark.parametrize(
    ("age", "state"), [(0, "covered"), (600, "covered"), (601, "stale"), (-600, "covered"), (-601, "stale")]
)
def test_a_fetch_covers_for_the_window_and_no_second_longer(tiny_facts: Facts, age: int, state: str) -> None:
    code = tiny_facts.schools[0].code
    assert judged(tiny_facts, TUESDAY, {code: TUESDAY - age})[code].state is State(state)


def test_a_school_that_was_never_heard_is_unknown_and_not_covered(tiny_facts: Facts) -> None:
    verdicts = judged(tiny_facts, TUESDAY, {})
    assert {each.state for each in verdicts.values()} == {State.UNKNOWN}
    assert coverage.ratio(verdicts.values()) == 0


def test_the_denominator_is_the_catalog(tiny_facts: Facts) -> None:
    code = tiny_facts.schools[0].code
    verdicts = judged(tiny_facts, TUESDAY, {code: TUESDAY, "9999999999": TUESDAY})
    assert coverage.ratio(verdicts.values()) == 1 / len(tiny_facts.schools)


def test_a_city_without_schools_reaches_nothing() -> None:
    assert coverage.ratio(()) == 0


@pytest.mark.parametrize(
    ("now", "judges"),
    [
        ("2026-11-24 07:59:59", "2026-11-23 17:30"),
        ("2026-11-24 08:00", "2026-11-24 08:00"),
        ("2026-11-24 17:29:59", "2026-11-24 17:29:59"),
        ("2026-11-24 17:30", "2026-11-24 17:30"),
        ("2026-11-24 23:00", "2026-11-24 17:30"),
        ("2026-11-29 12:00", "2026-11-27 17:30"),  # a Sunday: Friday's end
        ("2026-10-05 12:00", "2026-09-30 17:30"),  # a holiday
        ("2026-08-01 12:00", "2026-08-01 12:00"),  # before the first school day nothing stands
    ],
)
def test_the_last_verdict_stands_outside_school_hours(tiny_facts: Facts, now: str, judges: str) -> None:
    assert set(coverage.moments(tiny_facts, moment(now)).values()) == {moment(judges)}


def test_a_school_that_went_silent_at_night_stays_covered_till_the_first_bell(tiny_facts: Facts) -> None:
    code, last = tiny_facts.schools[0].code, moment("2026-11-24 17:25")
    for now, state in (("2026-11-25 07:59", State.COVERED), ("2026-11-25 08:00", State.STALE)):
        verdict = judged(tiny_facts, moment(now), {code: last})[code]
        assert verdict.state is state
        assert verdict.judged <= moment(now)


@pytest.mark.parametrize(
    ("now", "on"), [("2026-11-24 08:00", True), ("2026-11-24 17:30", False), ("2026-11-29 10:00", False)]
)
def test_school_hours_are_the_timetable_s(tiny_facts: Facts, now: str, on: bool) -> None:
    assert coverage.in_hours(tiny_facts, moment(now)) is on


def test_every_school_has_one_series_with_its_own_labels(tiny: City) -> None:
    rows = coverage.series(tiny)
    assert list(rows) == [school.code for school in tiny.schools]
    for code, labels in rows.items():
        school = tiny.school(code)
        assert labels == {
            "school": code,
            "district": school.district,
            "locality": school.locality.value,
            "wave": school.wave,
        }


def test_the_mounted_facts_come_back_as_they_went(tiny: City) -> None:
    known = facts.of(tiny)
    assert facts.parse(facts.dump(known)) == known
    assert facts.dump(known).count("\n[") == len(tiny.schools)
    assert {row.kind for row in known.schools} <= set(SchoolKind)
