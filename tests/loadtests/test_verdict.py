"""Targets decide the exit code, on both sides of each edge; what is not known is not a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import load_named, named
from catalog.target import Direction, Measure
from loadtests import verdict
from loadtests.verdict import Doubt, Exit, Goal, Outcome, Reading

ENOUGH = 10_000


def goal(
    measure: Measure = Measure.SEGMENT_P95_MS, value: float = 100, direction: Direction = Direction.AT_MOST
) -> Goal:
    return Goal(name={"en": "t", "zh": "t"}, measure=measure, direction=direction, value=value)


def outcome(wanted: Goal, value: float | None, samples: int = ENOUGH, doubt: Doubt = verdict.CERTAIN) -> Outcome:
    return verdict.judge(wanted, Reading(value=value, samples=samples), doubt).outcome


@pytest.mark.parametrize("name", named())
def test_every_worked_city_has_a_target_for_each_measure(name: str) -> None:
    assert {each.measure for each in verdict.goals(load_named(name).targets)} == set(verdict.MEASURES)


@pytest.mark.parametrize("measure", verdict.MEASURES)
def test_at_the_value_it_is_met_and_just_above_it_missed(measure: Measure) -> None:
    assert outcome(goal(measure, 5), 5) is Outcome.MET
    assert outcome(goal(measure, 5), 5.001) is Outcome.MISSED


def test_a_floor_is_missed_below() -> None:
    floor = goal(direction=Direction.AT_LEAST)
    assert outcome(floor, 99.9) is Outcome.MISSED
    assert outcome(floor, 100) is Outcome.MET


@pytest.mark.parametrize(("value", "samples"), [(None, 0), (None, 500), (1.0, 0)])
def test_what_was_not_measured_is_unknown(value: float | None, samples: int) -> None:
    assert outcome(goal(), value, samples) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("wanted", "count"),
    [(goal(Measure.SIGN_IN_P95_MS), 59), (goal(Measure.FAILED_REQUESTS_PERCENT, 1), 299), (goal(Measure.STALLED_PLAYS_PERCENT, 5), 59)],
    ids=["95th percentile", "one percent", "five percent"],
)  # fmt: skip
def test_too_few_samples_leave_a_good_value_open_and_not_a_bad_one(wanted: Goal, count: int) -> None:
    assert verdict.needed(wanted) == count
    assert outcome(wanted, 0.5, count - 1) is Outcome.UNKNOWN
    assert outcome(wanted, 0.5, count) is Outcome.MET
    assert outcome(wanted, 1e6, 1) is Outcome.MISSED


def test_a_slow_load_generator_leaves_open_what_it_can_explain_and_nothing_else() -> None:
    busy = Doubt(
        "busy", {Measure.SEGMENT_P95_MS: 150, Measure.STALLED_PLAYS_PERCENT: 100, Measure.FAILED_REQUESTS_PERCENT: 1}
    )
    assert outcome(goal(value=100), 250, doubt=busy) is Outcome.UNKNOWN
    assert outcome(goal(value=100), 251, doubt=busy) is Outcome.MISSED
    assert outcome(goal(value=100), 50, doubt=busy) is Outcome.MET
    assert outcome(goal(Measure.STALLED_PLAYS_PERCENT, 5), 100, doubt=busy) is Outcome.UNKNOWN
    assert outcome(goal(Measure.FAILED_REQUESTS_PERCENT, 1), 2, doubt=busy) is Outcome.UNKNOWN
    assert outcome(goal(Measure.FAILED_REQUESTS_PERCENT, 1), 2.1, doubt=busy) is Outcome.MISSED


def test_a_generator_that_was_not_busy_explains_nothing() -> None:
    assert outcome(goal(value=100), 101, doubt=Doubt("", {Measure.SEGMENT_P95_MS: 150})) is Outcome.MISSED


@given(st.lists(st.sampled_from(Outcome), max_size=6))
def test_the_exit_code_is_that_of_the_worst(outcomes: list[Outcome]) -> None:
    rows = [verdict.Verdict(goal=goal(), reading=Reading(value=1, samples=1), outcome=each) for each in outcomes]
    code = verdict.exit_code(rows)
    assert (code is Exit.MISSED) == (Outcome.MISSED in outcomes)
    assert (code is Exit.MET) == (set(outcomes) == {Outcome.MET})
    assert code is not Exit.BROKEN


def test_without_a_reading_every_target_is_unknown() -> None:
    found = verdict.judge_all(verdict.goals(load_named("tiny").targets), {})
    assert {each.outcome for each in found} == {Outcome.UNKNOWN}
    assert verdict.exit_code(found) is Exit.UNKNOWN
