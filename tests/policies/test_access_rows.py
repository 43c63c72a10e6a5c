"""Whose lessons each tier of each school may stream: scopes, alliances, agreements and their dates, one fact at a time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from catalog import City, load_named, names
from catalog.access import Action, Scope
from tests import builders
from tests.builders import granted
from tests.policies.rows import GROUNDS, rows

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def with_tier(city: City, scope: Scope, *actions: Action) -> City:
    """The city with one tier, `t`, that may do this with lessons of this scope, and with what agreements open."""
    wanted = actions or (Action.VIEW,)
    return granted(builders.with_tier(city, scope, *wanted), names.RESOURCE_LESSON, scope, *wanted, agreement=True)


def with_agreement(city: City, **changes: Any) -> City:
    return city.model_copy(update={"agreements": (city.agreements[0].model_copy(update=changes),)})


def reach(city: City, school: str, day: date, tier: str = "t") -> frozenset[str]:
    return rows(city)[school].streams(tier, day)


def test_every_school_has_one_row(city: City) -> None:
    found = rows(city)
    assert list(found) == [school.code for school in city.schools]
    assert all(row.school == code for code, row in found.items())


@pytest.mark.parametrize("scope", [Scope.CHILD, Scope.CLASS, Scope.SCHOOL])
def test_a_class_and_a_child_reach_their_school_and_its_agreements(tiny: City, scope: Scope) -> None:
    agreement = tiny.agreements[0]
    inside, outside = agreement.schools[0], next(c for c in tiny.by_code if c not in agreement.schools)
    found = with_tier(tiny, scope)
    assert reach(found, inside, agreement.starts) == set(agreement.schools)
    assert reach(found, outside, agreement.starts) == {outside}


def test_who_reaches_only_his_own_things_reaches_no_lesson(tiny: City) -> None:
    found = granted(builders.with_tier(tiny, Scope.OWN, Action.VIEW), names.RESOURCE_LESSON, Scope.OWN, Action.VIEW)
    assert not [row for row in rows(found).values() if row.streams("t", tiny.agreements[0].starts)]


def test_an_alliance_reaches_its_members_and_a_district_its_schools(tiny: City) -> None:
    before = tiny.agreements[0].starts - DAY
    for school in tiny.schools:
        allies = {code for alliance, _ in tiny.memberships.get(school.code, ()) for _, code in alliance.members}
        assert reach(with_tier(tiny, Scope.ALLIANCE), school.code, before) == {school.code} | allies
        neighbours = {other.code for other in tiny.by_district[school.district]}
        assert reach(with_tier(tiny, Scope.DISTRICT), school.code, before) == neighbours


@pytest.mark.parametrize("scope", [Scope.CITY, Scope.PUBLIC])
def test_the_city_and_the_public_reach_every_school(tiny: City, scope: Scope) -> None:
    found = with_tier(tiny, scope)
    assert all(row.streams("t", tiny.agreements[0].starts) == set(tiny.by_code) for row in rows(found).values())


def test_every_scope_says_what_it_reaches() -> None:
    assert list(GROUNDS) == list(Scope)


def test_a_tier_whose_grant_names_no_agreement_gains_nothing_by_one(tiny: City) -> None:
    agreement = tiny.agreements[0]
    found = granted(
        builders.with_tier(tiny, Scope.SCHOOL, Action.VIEW), names.RESOURCE_LESSON, Scope.SCHOOL, Action.VIEW
    )
    assert reach(found, agreement.schools[0], agreement.starts) == {agreement.schools[0]}


def test_a_right_to_something_else_than_lessons_reaches_none(tiny: City) -> None:
    found = granted(builders.with_tier(tiny, Scope.CITY, Action.VIEW), names.RESOURCE_READINGS, Scope.CITY, Action.VIEW)
    assert not reach(found, tiny.schools[0].code, tiny.agreements[0].starts)


def test_an_agreement_that_a_party_has_not_signed_opens_nothing(tiny: City) -> None:
    agreement = tiny.agreements[0]
    one, other = agreement.schools[:2]
    unsigned = with_tier(with_agreement(tiny, signatures=agreement.signatures[1:]), Scope.CLASS)
    assert other in reach(with_tier(tiny, Scope.CLASS), one, agreement.starts)
    assert other not in reach(unsigned, one, agreement.starts)


@pytest.mark.parametrize("action", list(Action))
def test_only_who_may_view_or_learn_streams(tiny: City, action: Action) -> None:
    found = with_tier(tiny, Scope.CITY, action)
    streams = reach(found, tiny.schools[0].code, tiny.agreements[0].starts)
    assert bool(streams) is (action in (Action.VIEW, Action.LEARN))


def test_a_tier_of_another_city_streams_nothing(tiny: City) -> None:
    assert not reach(tiny, tiny.schools[0].code, tiny.agreements[0].starts, tier="no-such-tier")


@pytest.mark.parametrize(("days", "opens"), [(-1, False), (0, True)])
def test_an_agreement_opens_on_its_first_day(tiny: City, days: int, opens: bool) -> None:
    agreement, found = tiny.agreements[0], with_tier(tiny, Scope.CLASS)
    one, other = agreement.schools[:2]
    assert (other in reach(found, one, agreement.starts + days * DAY)) is opens


@pytest.mark.parametrize(("days", "opens"), [(0, True), (1, False)])
def test_an_agreement_ends_with_its_last_day(tiny: City, days: int, opens: bool) -> None:
    agreement, found = tiny.agreements[0], with_tier(tiny, Scope.CLASS)
    one, other = agreement.schools[:2]
    assert (other in reach(found, one, agreement.ends + days * DAY)) is opens


@pytest.mark.parametrize(("service", "opens"), [(names.VIDEO_LIBRARY, True), (names.PORTAL, False)])
def test_an_agreement_about_another_service_opens_no_lesson(tiny: City, service: str, opens: bool) -> None:
    found = with_tier(with_agreement(tiny, services=(service,)), Scope.CLASS)
    one, other = tiny.agreements[0].schools[:2]
    assert (other in reach(found, one, tiny.agreements[0].starts)) is opens


def test_one_changed_agreement_changes_the_rows_of_its_parties_and_no_other(tiny: City) -> None:
    before = rows(tiny)
    after = rows(with_agreement(tiny, ends=tiny.agreements[0].ends + DAY))
    assert {code for code in before if before[code] != after[code]} == set(tiny.agreements[0].schools)
