"""The day's traffic: shares sum to 1, the curve sums to the people, and the peaks stand where the bells are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import City, load_named, named
from catalog.access import Scope
from catalog.school import Stage
from derive import figures, timetable, traffic
from derive.traffic import Kind, Place, Rush

CITIES = {name: load_named(name) for name in named()}
CITY = CITIES["neijiang"]
SIDES = st.floats(0, 7200, allow_nan=False)
RUSHES = st.builds(
    lambda start, up, down, people: Rush(
        Kind.PLAY, Stage.PRIMARY, Place.SCHOOL, start, start + up, start + up + down, people, lasts=600
    ),
    st.floats(0, 70_000), SIDES, SIDES, st.floats(0.1, 1e5),
).filter(lambda rush: rush.ends - rush.starts > 1)  # fmt: skip


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.id)
def test_the_shares_of_all_schools_sum_to_one(city: City) -> None:
    shares = traffic.shares(city)
    assert set(shares) == set(city.by_code)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0


def test_a_share_grows_with_the_school() -> None:
    school = CITY.schools[0]
    grown = school.model_copy(update={"students": 2 * school.students})
    city = CITY.model_copy(update={"schools": (grown, *CITY.schools[1:])})
    before, after = traffic.shares(CITY), traffic.shares(city)
    assert after[school.code] > before[school.code]
    assert all(after[code] < before[code] for code in before if code != school.code)


def test_without_a_link_nobody_comes_from_school_but_people_do_from_home() -> None:
    school = CITY.schools[0].model_copy(update={"uplink": None})
    city = CITY.model_copy(update={"schools": (school, *CITY.schools[1:])})
    for kind in Kind:
        for stage in school.stages:
            assert school.code not in traffic.crowd(city, kind, stage, Place.SCHOOL)
    assert traffic.shares(city)[school.code] > 0


@given(RUSHES, st.floats(0, 1))
@settings(deadline=None)
def test_a_rush_integrates_to_its_people(rush: Rush, part: float) -> None:
    steps, until = 4000, rush.starts + part * (rush.ends - rush.starts)
    width = (until - rush.starts) / steps
    area = sum(rush.rate(rush.starts + (n + 0.5) * width) for n in range(steps)) * width
    assert area == pytest.approx(rush.arrived(until), rel=1e-3, abs=1e-3 * rush.people)
    assert rush.arrived(rush.ends) == rush.people
    assert rush.arrived(rush.starts) == 0
    assert rush.rate(rush.starts - 1) == rush.rate(rush.ends + 1) == 0


@given(RUSHES, st.floats(0, 1), st.floats(0, 1))
def test_arrivals_only_grow_and_are_densest_at_the_peak(rush: Rush, one: float, two: float) -> None:
    early, late = sorted(rush.starts + each * (rush.ends - rush.starts) for each in (one, two))
    assert rush.arrived(early) <= rush.arrived(late) + 1e-9 * rush.people
    assert max(rush.rate(early), rush.rate(late)) <= rush.rate(rush.peak) * (1 + 1e-9)


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.id)
def test_a_day_holds_everybody_who_comes_on_it(city: City) -> None:
    rushes = traffic.day(city)
    for kind in Kind:
        people = sum(sum(traffic.crowd(city, kind, stage, place).values()) for stage in Stage for place in Place)
        assert traffic.arrived([rush for rush in rushes if rush.kind is kind], 86_400) == pytest.approx(people)


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.id)
def test_the_sign_in_peak_stands_minutes_before_a_first_bell(city: City) -> None:
    peak = traffic.sign_in_peak(traffic.day(city))
    bells = {traffic.seconds(schedule.periods[0].starts) for schedule in city.timetable.bells}
    assert peak in {bell - figures.SIGN_IN_PEAK.value * 60 for bell in bells}


def test_where_the_first_bell_rings_at_eight_the_peak_is_at_7_55() -> None:
    assert timetable.bells(CITY.timetable, Stage.JUNIOR).periods[0].starts.hour == 8
    junior = [rush for rush in traffic.day(CITY) if rush.stage is Stage.JUNIOR]
    assert traffic.sign_in_peak(junior) == 7 * 3600 + 55 * 60


def test_every_lesson_starts_plays_and_every_break_look_ups() -> None:
    for stage in Stage:
        periods = timetable.bells(CITY.timetable, stage).periods
        rushes = [rush for rush in traffic.day(CITY) if rush.stage is stage and rush.place is Place.SCHOOL]
        plays = [rush.starts for rush in rushes if rush.kind is Kind.PLAY]
        assert plays == [traffic.seconds(period.starts) for period in periods]
        breaks = [(rush.starts, rush.ends) for rush in rushes if rush.kind is Kind.LOOK_UP]
        assert breaks == [(traffic.seconds(a.ends), traffic.seconds(b.starts)) for a, b in pairwise(periods)]


def test_those_who_watch_are_those_who_came_and_have_not_left() -> None:
    rush = Rush(Kind.PLAY, Stage.PRIMARY, Place.SCHOOL, 0, 60, 120, people=10, lasts=600)
    assert rush.present(120) == rush.present(600) == 10
    assert 0 < rush.present(660) < 10
    assert rush.present(720) == 0


def test_the_figures_have_sources_and_views_by_scope_are_a_whole() -> None:
    found = [each for each in vars(figures).values() if isinstance(each, figures.Figure)]
    assert len(found) >= 8
    assert all(each.source and each.unit and each.value > 0 for each in found)
    assert sum(figures.VIEWS_BY_SCOPE.values()) == pytest.approx(1)
    assert set(figures.VIEWS_BY_SCOPE) <= set(Scope)
    assert set(figures.BED_TIME) == set(Stage)
