"""Every account of store and roster says for whom it stands, and none for a row about which nobody decides."""

from __future__ import annotations

import pytest

from catalog import names
from derive import store
from derive.points import SERVED
from policies.access.accounts import ACCOUNTS, ROLES


def test_every_account_of_the_store_says_for_whom_it_stands() -> None:
    known = {store.ADMIN, store.EXPIRY, *(each.name for each in store.ACCOUNTS)}
    assert known == set(ACCOUNTS), "say in policies/access/accounts.py for whom the account stands"


def test_every_role_of_the_roster_says_for_whom_it_stands() -> None:
    owner, *roles = names.database_roles(names.DATABASE_ROSTER)
    assert owner not in ROLES
    assert set(roles) == set(ROLES)


@pytest.mark.parametrize("name", [*ACCOUNTS, *ROLES])
def test_no_account_stands_for_a_row_that_is_not_decided_before_it_is_used(name: str) -> None:
    account = {**ACCOUNTS, **ROLES}[name]
    assert bool(account.rows) is (account.decided is not None)
    for row in account.rows:
        assert account.decided in SERVED[row].points
