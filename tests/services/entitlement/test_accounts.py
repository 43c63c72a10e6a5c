"""Accounts through the Admin API: what is asked, what comes of refusals, and what is said when Keycloak is away."""

from __future__ import annotations

import httpx
import pytest

from derive import identity
from services.entitlement.accounts import PAGE, Accounts, DownError, RefusedError, TakenError
from tests.keycloak import SECRET, Keycloak


@pytest.fixture
def keycloak() -> Keycloak:
    return Keycloak(["pupil", "clerk"])


@pytest.fixture
def accounts(keycloak: Keycloak) -> Accounts:
    return keycloak.accounts()


def test_an_account_is_made_found_and_changed_and_keeps_what_is_not_named(
    keycloak: Keycloak, accounts: Accounts
) -> None:
    made = accounts.make("S0001", {"tier": "pupil", "person": "p1"}, enabled=False, actions=["UPDATE_PASSWORD"])
    found = accounts.find("s0001")
    assert found is not None
    assert (found.id, found.enabled, found.attributes) == (made, False, {"tier": "pupil", "person": "p1"})
    assert accounts.of_person("p1") == [found]
    accounts.change(found, enabled=True, attributes={"slip": "1", "tier": None})
    user = keycloak.user("s0001")
    assert (user["enabled"], user["attributes"]) == (True, {"person": ["p1"], "slip": ["1"]})
    assert user["requiredActions"] == ["UPDATE_PASSWORD"]


def test_a_name_that_is_part_of_another_is_not_that_one(accounts: Accounts) -> None:
    accounts.make("s00011", {}, enabled=True)
    assert accounts.find("s0001") is None
    assert accounts.of_person("p1") == []


def test_a_name_that_is_taken_says_so(accounts: Accounts) -> None:
    accounts.make("s0001", {}, enabled=True)
    with pytest.raises(TakenError):
        accounts.make("S0001", {}, enabled=True)


def test_a_role_is_given_once_and_one_that_the_realm_lacks_is_said(keycloak: Keycloak, accounts: Accounts) -> None:
    made = accounts.make("s0001", {}, enabled=True)
    accounts.give_role(made, "pupil")
    accounts.give_role(made, "pupil")
    assert keycloak.user("s0001")["roles"] == ["pupil"]
    with pytest.raises(RefusedError, match="no role 'mayor'"):
        accounts.give_role(made, "mayor")
    accounts.take_role(made, "pupil")
    assert accounts.roles(made) == frozenset()


def test_the_realm_s_own_words_about_a_password_come_through(accounts: Accounts) -> None:
    made = accounts.make("s0001", {}, enabled=True)
    with pytest.raises(RefusedError, match="minimum length 8") as caught:
        accounts.set_password(made, "short")
    assert caught.value.code == "invalidPasswordMinLengthMessage"


def test_every_page_of_a_list_is_read(accounts: Accounts) -> None:
    for number in range(PAGE + 3):
        accounts.make(f"s{number:04d}", {}, enabled=number % 2 == 0)
    assert len(list(accounts.listed())) == PAGE + 3
    assert len(list(accounts.listed(enabled="false"))) == (PAGE + 3) // 2


def test_one_token_serves_many_requests_and_a_lost_one_is_replaced(keycloak: Keycloak, accounts: Accounts) -> None:
    accounts.find("s0001")
    accounts.find("s0001")
    assert keycloak.asked.count(f"POST {identity.token_path()}") == 1
    keycloak.tokens.clear()
    assert accounts.find("s0001") is None
    assert keycloak.asked.count(f"POST {identity.token_path()}") == 2


def test_a_token_is_not_used_to_its_last_moment(keycloak: Keycloak) -> None:
    now = [0.0]
    accounts = Accounts(keycloak.http(), SECRET, lambda: now[0])
    accounts.find("s0001")
    now[0] = 51.0
    accounts.find("s0001")
    assert keycloak.asked.count(f"POST {identity.token_path()}") == 2


def test_whatever_is_wrong_with_keycloak_itself_is_that_it_is_down(keycloak: Keycloak) -> None:
    with pytest.raises(DownError, match="does not take the client"):
        Accounts(keycloak.http(), "another secret").find("s0001")
    keycloak.broken = lambda *_: True
    with pytest.raises(DownError, match="does not answer"):
        keycloak.accounts().find("s0001")


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_refused_client_and_a_fault_are_not_taken_for_an_answer(status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        given = {"access_token": "t", "expires_in": 60}
        return httpx.Response(200, json=given) if "openid-connect" in request.url.path else httpx.Response(status)

    http = httpx.Client(base_url=identity.internal_url(), transport=httpx.MockTransport(answer))
    with pytest.raises(DownError, match=str(status)):
        Accounts(http, SECRET).find("s0001")
