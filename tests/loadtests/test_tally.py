"""What a process counts, and when the load generator itself is called the bottleneck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.tally import BUSY_CPU, BUSY_LAG, LATE, WAKE_UPS, Tally, bottleneck, slack, total

COUNTS = st.builds(Tally, arrived=st.integers(0, 99), plays=st.integers(0, 99), top_lag=st.floats(0, 9))


def watched(*seconds: tuple[float, float]) -> Tally:
    tally = Tally()
    for cpu, lag in seconds:
        tally.second(cpu, lag)
    return tally


QUIET, CPU_BUSY, LATE_TIMERS = (0.5, 0.001), (BUSY_CPU, 0.001), (0.2, BUSY_LAG)


def test_a_quiet_process_is_no_bottleneck() -> None:
    assert bottleneck(watched(*[QUIET] * 100)) == ""
    assert bottleneck(Tally()) == ""


@pytest.mark.parametrize(("busy", "cure"), [(CPU_BUSY, "more processes"), (LATE_TIMERS, "machine is full")])
def test_busy_in_more_than_a_twentieth_of_the_time_is_the_bottleneck(busy: tuple[float, float], cure: str) -> None:
    assert bottleneck(watched(*[QUIET] * 95, *[busy] * 5)) == ""
    said = bottleneck(watched(*[QUIET] * 94, *[busy] * 6))
    assert "6 of 100 s" in said
    assert cure in said


def test_late_people_are_a_bottleneck_too() -> None:
    tally = Tally()
    for n in range(100):
        tally.arrive(LATE + 0.001 if n < 6 else LATE)
    assert "6 of 100 people" in bottleneck(tally)


def test_a_busy_generator_may_have_added_as_much_as_its_timers_were_late() -> None:
    assert slack(watched(QUIET, (0.1, 0.4))) == pytest.approx(WAKE_UPS * 0.4)


@given(st.lists(COUNTS, max_size=5))
def test_processes_add_up_and_the_worst_one_counts(rows: list[Tally]) -> None:
    whole = total(rows)
    assert whole.arrived == sum(row.arrived for row in rows)
    assert whole.plays == sum(row.plays for row in rows)
    assert whole.top_lag == max((row.top_lag for row in rows), default=0)
