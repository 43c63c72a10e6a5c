"""A run's people: as many as the window holds at that scale, when the curve says, the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import load_named
from derive import traffic
from derive.traffic import Kind
from loadtests import schedule

CITY = load_named("tiny")
PEAK = traffic.sign_in_peak(traffic.day(CITY))
WINDOW = (PEAK - 900, PEAK + 900)
SCALES = st.floats(0.01, 20)


def people(scale: float, seconds: float = 120, kind: Kind | None = None, seed: int = 1) -> int:
    run = schedule.plan(CITY, WINDOW, seconds, scale, seed=seed)
    return sum(kind in (None, each.kind) for each in schedule.arrivals(run))


@given(SCALES, SCALES, st.integers())
@settings(max_examples=30, deadline=None)
def test_more_scale_is_never_fewer_people(one: float, two: float, seed: int) -> None:
    small, large = sorted((one, two))
    run = schedule.plan(CITY, WINDOW, 120, small)
    assert people(small, seed=seed) <= people(large, seed=seed) + len(run.rushes)


@given(SCALES, st.sampled_from((30.0, 120.0, 1800.0)))
@settings(max_examples=30, deadline=None)
def test_sign_ins_keep_their_rate_and_plays_their_number(scale: float, seconds: float) -> None:
    run = schedule.plan(CITY, WINDOW, seconds, scale)
    for kind in Kind:
        whole = [rush for rush in traffic.day(CITY) if rush.kind is kind]
        wanted = (traffic.arrived(whole, WINDOW[1]) - traffic.arrived(whole, WINDOW[0])) * scale
        wanted = wanted if kind is Kind.PLAY else wanted / run.speed
        assert people(scale, seconds, kind) == pytest.approx(wanted, abs=len(run.rushes))


@pytest.mark.parametrize("begins", [PEAK, PEAK + 1800, PEAK + 3000], ids=["before", "in a lesson", "in the next"])
def test_as_many_play_at_once_as_at_that_moment_of_the_day(begins: float) -> None:
    window = (begins, begins + 6000)
    run = schedule.plan(CITY, window, 120, scale=100)
    playing = [each for each in schedule.arrivals(run) if each.kind is Kind.PLAY]
    plays = [rush for rush in traffic.day(CITY) if rush.kind is Kind.PLAY]
    for moment in range(int(begins) + 600, int(window[1]), 300):
        second = (moment - begins) / run.speed
        now = sum(each.at <= second < each.at + each.watches for each in playing)
        assert now == pytest.approx(100 * sum(rush.present(moment) for rush in plays), rel=0.1, abs=60)


def test_who_already_watches_comes_in_first_and_leaves_in_time() -> None:
    run = schedule.plan(CITY, (PEAK + 1800, PEAK + 2100), 100, scale=5)
    people = schedule.arrivals(run)
    assert people, "nobody begins a lesson in this window, and many are in the middle of one"
    assert all(0 <= each.at <= schedule.ENTRY * 100 for each in people if each.kind is Kind.PLAY)
    assert all(each.watches > 0 for each in people if each.kind is Kind.PLAY)


def test_people_come_when_the_curve_says() -> None:
    run = schedule.plan(CITY, WINDOW, 120, scale=500)
    signing = [rush for rush in traffic.day(CITY) if rush.kind is Kind.SIGN_IN]
    moments = [each.at for each in schedule.arrivals(run) if each.kind is Kind.SIGN_IN]
    for second in (20, 40, 60, 80, 100):
        sums = [traffic.arrived(signing, moment) for moment in (WINDOW[0], WINDOW[0] + second * run.speed, WINDOW[1])]
        share = (sums[1] - sums[0]) / (sums[2] - sums[0])
        assert sum(moment <= second for moment in moments) / len(moments) == pytest.approx(share, abs=0.01)
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] <= 120


def test_a_plan_that_travelled_gives_the_same_people() -> None:
    run = schedule.plan(CITY, WINDOW, 120, scale=2)
    again = schedule.Plan.model_validate_json(run.model_dump_json())
    assert again == run
    assert schedule.arrivals(again) == schedule.arrivals(run)


def test_another_seed_gives_other_people() -> None:
    runs = [schedule.plan(CITY, WINDOW, 120, scale=2, seed=seed) for seed in (1, 2)]
    assert schedule.arrivals(runs[0]) != schedule.arrivals(runs[1])


def test_schools_come_in_proportion_to_their_people() -> None:
    run = schedule.plan(CITY, WINDOW, 120, scale=200)
    signing = [each.school for each in schedule.arrivals(run) if each.kind is Kind.SIGN_IN]
    crowds = [crowd for rush, crowd in zip(run.rushes, run.crowds, strict=True) if rush.kind is Kind.SIGN_IN]
    people = {code: sum(dict(crowd).get(code, 0) for crowd in crowds) for code in CITY.by_code}
    for code, number in people.items():
        assert signing.count(code) / len(signing) == pytest.approx(number / sum(people.values()), abs=0.02)


def test_at_night_nobody_comes() -> None:
    assert schedule.arrivals(schedule.plan(CITY, (3600.0, 7200.0), 60, scale=10)) == ()
