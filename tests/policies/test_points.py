"""Every row of the matrix has its points of enforcement or is closed, and every account of store and roster says for whom it stands."""

from __future__ import annotations

import pytest

from catalog import City, load_named, names
from catalog.access import Action
from derive import questions, store
from derive.closed import CLOSED
from infra.plan import rbac
from policies.access.points import ACCOUNTS, ENFORCED, ROLES, Point


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_whatever_the_matrix_grants_is_enforced_somewhere_or_said_to_be_closed(city: City) -> None:
    granted = {(each.id, action) for each in city.resources for grant in each.grants for action in grant.actions}
    assert granted == set(ENFORCED) | CLOSED, (
        "say in policies/access/points.py where the row is enforced, or in derive/closed.py that it is not yet"
    )
    assert not set(ENFORCED) & CLOSED


def test_what_is_said_of_a_point_is_what_it_decides_by() -> None:
    def of(point: Point) -> set[tuple[str, Action]]:
        return {row for row, found in ENFORCED.items() if point in found}

    recorded = {(names.RESOURCE_LESSON, action) for action in (*questions.PLAYING, questions.TAKING)}
    assert of(Point.CACHES) == recorded | {(names.RESOURCE_LIVE, action) for action in questions.PLAYING}
    assert of(Point.SERVICE) == of(Point.CACHES) | {(questions.PROFILE, questions.VIEWING)} | of(Point.GATEWAY)
    assert of(Point.KUBERNETES) == {(each.resource, each.action) for each in rbac.MEANINGS}
    assert of(Point.GATEWAY) <= {(questions.READINGS, action) for action in questions.REPORTING}


def test_every_account_of_the_store_says_for_whom_it_stands() -> None:
    known = {store.ADMIN, store.EXPIRY, *(each.name for each in store.ACCOUNTS)}
    assert known == set(ACCOUNTS), "say in policies/access/points.py for whom the account stands"


def test_every_role_of_the_roster_says_for_whom_it_stands() -> None:
    owner, *roles = names.database_roles(names.DATABASE_ROSTER)
    assert owner not in ROLES
    assert set(roles) == set(ROLES)


@pytest.mark.parametrize("name", [*ACCOUNTS, *ROLES])
def test_no_account_stands_for_a_row_that_is_not_decided_before_it_is_used(name: str) -> None:
    account = {**ACCOUNTS, **ROLES}[name]
    assert bool(account.rows) is (account.decided is not None)
    for row in account.rows:
        assert account.decided in ENFORCED[row]


def test_nothing_that_is_closed_has_an_account() -> None:
    assert not {row for each in (*ACCOUNTS.values(), *ROLES.values()) for row in each.rows} & CLOSED
