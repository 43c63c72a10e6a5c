"""The player between two requests: its buffer, its idea of the link, its choice of rendition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.player import BUFFER_SECONDS, FIRST_GUESS, KEEP, RISE, Buffer, Throughput, choose

STEPS = st.lists(st.tuples(st.floats(0, 30), st.floats(0.5, 10)), min_size=1, max_size=40)
RATES = st.lists(st.integers(10_000, 10**7), min_size=1, max_size=9, unique=True).map(sorted)


def test_the_first_segment_starts_the_picture_and_is_no_stall() -> None:
    buffer = Buffer()
    buffer.play_until(100)
    assert not buffer.begun
    buffer.add(6, now=107)
    assert buffer.begun
    assert (buffer.ahead, buffer.stalls, buffer.stalled) == (6, 0, 0)


def test_a_segment_in_time_is_no_stall() -> None:
    buffer = Buffer()
    buffer.add(6, now=0)
    buffer.add(6, now=6)
    assert (buffer.ahead, buffer.stalls) == (6, 0)


def test_a_segment_that_is_late_is_one_stall_as_long_as_it_lasted() -> None:
    buffer = Buffer()
    buffer.add(6, now=0)
    buffer.play_until(7)
    buffer.play_until(9)
    buffer.add(6, now=10)
    assert (buffer.stalls, buffer.stalled, buffer.ahead) == (1, 4, 6)
    buffer.play_until(17)
    assert (buffer.stalls, buffer.stalled) == (2, 5)


def test_a_buffer_that_ran_dry_to_the_moment_still_stalls_afterwards() -> None:
    buffer = Buffer()
    buffer.add(6, now=0)
    buffer.play_until(6)
    assert buffer.stalls == 0
    buffer.play_until(6.5)
    assert buffer.stalls == 1


def test_a_full_buffer_waits_until_there_is_room() -> None:
    buffer = Buffer()
    for _ in range(7):
        buffer.add(6, now=0)
    assert buffer.room_in() == 42 - BUFFER_SECONDS
    buffer.play_until(12)
    assert buffer.room_in() == 0


@given(STEPS)
def test_what_came_was_played_or_lies_ahead(steps: list[tuple[float, float]]) -> None:
    buffer, now = Buffer(), 0.0
    for pause, seconds in steps:
        now += pause
        buffer.add(seconds, now)
    came, began = sum(seconds for _, seconds in steps), steps[0][0]
    played = now - began - buffer.stalled
    assert came == pytest.approx(played + buffer.ahead, abs=1e-6)
    assert buffer.stalls <= len(steps)
    assert (buffer.stalls > 0) == (buffer.stalled > 0)


def test_before_anything_is_measured_the_link_is_guessed() -> None:
    assert Throughput().estimate == FIRST_GUESS


@given(st.floats(1e5, 1e9), st.integers(1, 50))
def test_a_steady_link_is_measured_as_it_is(rate: float, times: int) -> None:
    link = Throughput()
    for _ in range(times):
        link.add(int(rate / 8), 1.0)
    assert link.estimate == pytest.approx(rate, rel=1e-3)


def test_a_link_that_breaks_down_is_believed_sooner_than_one_that_recovers() -> None:
    falling, rising = Throughput(), Throughput()
    for link, before, after in ((falling, 10**7, 10**6), (rising, 10**6, 10**7)):
        link.add(before, 8)
        link.add(after, 8)
    middle = (8 * 10**7 / 8 + 8 * 10**6 / 8) / 2
    assert falling.estimate < middle
    assert rising.estimate < 10**7


@given(RATES, st.floats(0, 2e7), st.one_of(st.none(), st.integers(0, 8)))
def test_the_choice_is_the_best_that_fits(rates: list[int], estimate: float, present: int | None) -> None:
    present = None if present is None else min(present, len(rates) - 1)
    index = choose(rates, estimate, present)
    assert index == 0 or rates[index] <= estimate * KEEP
    assert present is None or index <= present or rates[index] <= estimate * RISE
    better = [n for n, rate in enumerate(rates) if n > index and rate <= estimate * RISE]
    assert not better


def test_a_rise_needs_more_room_than_staying() -> None:
    rates = [1000, 2000]
    assert choose(rates, 2200, present=1) == 1
    assert choose(rates, 2200, present=0) == 0
    assert choose(rates, 3000, present=0) == 1
