"""The capacity model: it grows with what makes load, shrinks with caches, and never promises more than a link carries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import City, load_named, named
from derive import figures, traffic
from derive.traffic import Kind, Place
from loadtests import model
from loadtests.model import Model

CITY = load_named("neijiang")
MOMENTS = st.integers(0, 24 * 60 - 1).map(lambda minute: minute * 60.0)
RATIOS = st.floats(0, 1)


def _with(city: City, **update: object) -> City:
    return city.model_copy(update=update)


def _doubled(city: City) -> City:
    schools = [
        each.model_copy(update={"students": 2 * each.students, "devices": 2 * each.devices}) for each in city.schools
    ]
    return _with(city, schools=tuple(schools))


@pytest.mark.parametrize("name", named())
def test_the_lesson_peak_is_the_players_times_their_bit_rates(name: str) -> None:
    city = load_named(name)
    load = Model(city).busiest["lesson peak"]
    rushes = [rush for rush in traffic.day(city) if rush.kind is Kind.PLAY and rush.present(load.moment) > 0]
    assert all(rush.place is Place.SCHOOL for rush in rushes)
    rates = model.link_kbps(city)
    by_hand = 0.0
    for rush in rushes:
        people = traffic.crowd(city, rush.kind, rush.stage, rush.place)
        here = rush.present(load.moment) / sum(people.values())
        by_hand += sum(here * number * rates[code] for code, number in people.items())
    assert load.mbps == pytest.approx(by_hand / 1000)
    assert load.store_mbps == pytest.approx(load.mbps * (1 - figures.SHIELD_HITS.value))


@given(MOMENTS, RATIOS, RATIOS)
@settings(max_examples=30, deadline=None)
def test_school_caches_only_ever_take_load_away(moment: float, one: float, two: float) -> None:
    few, many = sorted((one, two))
    without, with_caches = Model(CITY, few).at(moment), Model(CITY, many).at(moment)
    assert with_caches.requests <= without.requests * (1 + 1e-9)
    assert with_caches.mbps <= without.mbps * (1 + 1e-9)
    assert with_caches.players == without.players


def test_caches_do_nothing_for_the_evening() -> None:
    evenings = [Model(CITY, ratio).busiest["evening peak"].moment for ratio in (0, 1)]
    at = max(evenings)
    assert Model(CITY, 1).at(at).mbps > 0.9 * Model(CITY).at(at).mbps


@given(MOMENTS)
@settings(max_examples=30, deadline=None)
def test_twice_the_people_never_make_less_load(moment: float) -> None:
    once, twice = Model(CITY).at(moment), Model(_doubled(CITY)).at(moment)
    assert twice.requests >= once.requests
    assert twice.players == pytest.approx(2 * once.players)


def test_shorter_segments_make_more_requests_and_no_more_bits() -> None:
    short = _with(CITY, packaging=CITY.packaging.model_copy(update={"segment_seconds": 2}))
    moment = Model(CITY).busiest["lesson peak"].moment
    assert Model(short).at(moment).requests > 2 * Model(CITY).at(moment).requests
    assert Model(short).at(moment).mbps == Model(CITY).at(moment).mbps


@given(st.floats(0, 1e5))
def test_a_rendition_fits_its_link_unless_it_is_the_smallest(kbps: float) -> None:
    rung = model.rendition(CITY, kbps)
    assert rung == CITY.ladder[0] or rung.video_kbps + CITY.packaging.audio_kbps <= kbps
    assert model.stream_kbps(CITY, kbps) <= kbps


def test_no_school_is_promised_more_than_its_link() -> None:
    players, rates = model.at_once(CITY), model.link_kbps(CITY)
    for school in CITY.schools:
        if school.code in rates:
            assert school.uplink
            link = school.uplink.contracted_mbps * 1000 * CITY.link_budget.planned_share
            assert rates[school.code] * players[school.code] <= link * (1 + 1e-9)
