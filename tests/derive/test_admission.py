"""What the gateway lets in follows from the city's own day: no real morning is refused, and nobody has more written than so much."""

from __future__ import annotations

import inspect
import math
from collections import Counter

import pytest

from catalog import City, load_named, named
from derive import admission, traffic
from derive.traffic import Kind
from loadtests import schedule
from ops import load
from ops.loads import orders
from services.entitlement import reasons

CITIES = {name: load_named(name) for name in named()}
CITY = CITIES["neijiang"]
CLASSROOM = 50
"""Pupils who press play when the teacher says so."""


def at(city: City, headroom: int) -> City:
    return city.model_copy(update={"admission": city.admission.model_copy(update={"headroom": headroom})})


def limits(city: City) -> tuple[int, ...]:
    """Requests per second, door by door."""
    return tuple(each.requests for each in admission.limits(city))


def doubled(city: City) -> City:
    schools = [
        each.model_copy(
            update={"students": 2 * each.students, "devices": 2 * each.devices, "teachers": 2 * each.teachers}
        )
        for each in city.schools
    ]
    return city.model_copy(update={"schools": tuple(schools)})


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.id)
def test_every_moment_of_a_school_day_passes_with_the_stated_headroom(city: City) -> None:
    (lessons, people, rest), rushes, room = limits(city), traffic.day(city), city.admission.headroom
    of = {kind: [rush for rush in rushes if rush.kind is kind] for kind in Kind}
    for moment in {*(rush.peak for rush in rushes), *(quarter * 15 * traffic.MINUTE for quarter in range(96))}:
        assert lessons >= room * traffic.rate(of[Kind.PLAY], moment)
        assert people >= room * traffic.rate(of[Kind.SIGN_IN], moment)
        assert rest >= room * traffic.rate(rushes, moment)


def test_a_classroom_that_presses_play_in_the_same_second_passes_at_the_city_s_busiest_one() -> None:
    busiest = traffic.peak(rush for rush in traffic.day(CITY) if rush.kind is Kind.PLAY)
    assert limits(CITY)[0] >= busiest + CLASSROOM


@pytest.mark.parametrize("city", CITIES.values(), ids=lambda city: city.id)
def test_a_load_test_as_it_runs_by_itself_is_not_refused(city: City) -> None:
    """It begins lessons faster than any day, since its day is shorter."""
    defaults = {name: each.default for name, each in inspect.signature(load.run_command).parameters.items()}
    run = orders.plan(
        city, orders.Wish(defaults["minutes"], defaults["scale"], defaults["at"], defaults["span"], defaults["seed"])
    )
    lessons, _, rest = limits(city)
    people = schedule.arrivals(run)
    begun = Counter(int(person.at) for person in people if person.kind is Kind.PLAY)
    come = Counter(int(person.at) for person in people)
    assert max(begun.values()) <= lessons
    assert max(come.values()) * 3 <= rest, "the sign-in, and who is there"


@pytest.mark.parametrize("headroom", [2, 7, 100])
def test_the_limit_follows_the_headroom_and_is_never_less_than_one(headroom: int) -> None:
    rushes = [rush for rush in traffic.day(CITY) if rush.kind is Kind.SIGN_IN]
    assert limits(at(CITY, headroom))[1] == math.ceil(headroom * traffic.peak(rushes))
    nobody = CITY.model_copy(
        update={"schools": tuple(s.model_copy(update={"uplink": None, "students": 1}) for s in CITY.schools[:1])}
    )
    assert min(limits(at(nobody, headroom))) >= 1


def test_twice_the_people_have_twice_the_room() -> None:
    both = zip(limits(CITY), limits(doubled(CITY)), strict=True)
    assert all(2 * once - 2 <= twice <= 2 * once for once, twice in both)


def test_the_rest_is_the_last_and_holds_every_other_door() -> None:
    *doors, rest = admission.limits(CITY)
    assert not rest.paths
    assert all(path.startswith(admission.PREFIX) for door in doors for path in door.paths)


def test_a_refusal_has_the_form_of_the_service_s_own() -> None:
    assert set(admission.SAID) == set(reasons.text("no-such-lesson", {}))
    assert admission.REASON not in reasons.REASONS, "the service does not say it: it is not asked"
    assert "%" not in "".join(admission.SAID.values()), "Envoy would read it as a command"
