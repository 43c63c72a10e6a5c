"""The realm as derived: a role for each tier that signs in, a second factor where the catalog asks for one, and no name anywhere."""

from __future__ import annotations

import json

import pytest

from catalog import City, load_named, named
from catalog.access import Scope
from derive import identity, realm, session_token
from derive.federation import OidcProvider, Provider, SamlProvider

URL = "https://city.example:8443"
SECRETS = {client: f"secret of {client}" for client in identity.CLIENTS}
OIDC = {
    "kind": "oidc",
    "alias": "province",
    "name": "省平台",
    "tier": "teacher",
    "schoolClaim": "school_code",
    "issuer": "https://id.province.example/realm",
    "authorizationUrl": "https://id.province.example/auth",
    "tokenUrl": "https://id.province.example/token",
    "jwksUrl": "https://id.province.example/certs",
    "clientId": "city",
    "clientSecret": "planted",
}
SAML = {
    "kind": "saml",
    "alias": "college",
    "name": "College",
    "tier": "teacher",
    "personClaim": "roster",
    "issuer": "https://idp.college.example/saml",
    "signInUrl": "https://idp.college.example/sso",
    "certificate": "A" * 200,
}


@pytest.fixture(params=named())
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_every_tier_that_signs_in_has_a_role_and_those_of_two_factors_contain_that_one(city: City) -> None:
    first, *roles = realm.desired(city, URL, SECRETS)["roles"]
    assert first["name"] == identity.ROLE_TWO_FACTOR
    tiers = {tier.id: tier for tier in city.tiers if tier.scope is not Scope.PUBLIC}
    assert [each["name"] for each in roles] == list(tiers)
    for each in roles:
        assert each["contains"] == ([identity.ROLE_TWO_FACTOR] if tiers[each["name"]].two_factor else [])
    assert {True, False} == {bool(each["contains"]) for each in roles}


def test_rules_of_signing_in_are_the_catalogs(city: City) -> None:
    asked = city.sign_in
    other = city.model_copy(update={"sign_in": asked.model_copy(update={"wrong_tries": 5, "password_characters": 14})})
    before, after = (realm.desired(each, URL, SECRETS)["realm"] for each in (city, other))
    assert before["failureFactor"] == asked.wrong_tries
    assert after["failureFactor"] == 5
    assert "length(14)" in after["passwordPolicy"]
    assert before["maxFailureWaitSeconds"] == asked.locked_minutes * 60
    assert before["ssoSessionMaxLifespan"] == session_token.MOST_HOURS * 3600
    same = ("bruteForceProtected", "registrationAllowed", "rememberMe")
    assert [before[key] for key in same] == [True, False, False]


def test_an_account_holds_no_name_and_nobody_changes_what_they_are(city: City) -> None:
    attributes = {each["name"]: each for each in realm.desired(city, URL, SECRETS)["profile"]["attributes"]}
    assert attributes.keys() == {"username", "email", *identity.ATTRIBUTES}
    assert all(each["permissions"]["edit"] == ["admin"] for each in attributes.values())


def test_people_come_back_to_one_address_with_pkce_and_by_no_other_flow(city: City) -> None:
    portal, accounts = realm.desired(city, URL, SECRETS)["clients"]
    assert portal["redirectUris"] == [f"{URL}/access/callback"]
    assert portal["attributes"]["pkce.code.challenge.method"] == "S256"
    assert (portal["standardFlowEnabled"], accounts["standardFlowEnabled"]) == (True, False)
    assert (portal["serviceAccountsEnabled"], accounts["serviceAccountsEnabled"]) == (False, True)
    for client in (portal, accounts):
        off = ("publicClient", "implicitFlowEnabled", "directAccessGrantsEnabled", "fullScopeAllowed")
        assert not any(client[key] for key in off)
        assert client["secret"] == SECRETS[client["clientId"]]


def test_the_portal_is_told_what_somebody_is_and_by_what_they_signed_in(city: City) -> None:
    portal = realm.desired(city, URL, SECRETS)["clients"][0]
    mappers = {each["name"]: each["config"] for each in portal["protocolMappers"]}
    assert mappers.keys() == {"tier", "school", "partner", "person", "provider", "amr"}
    assert mappers["provider"]["user.session.note"] == "identity_provider", "Keycloak's name of it"
    assert all(each["id.token.claim"] == "true" and each["access.token.claim"] == "false" for each in mappers.values())


def test_who_comes_from_an_outside_provider_is_of_its_tier_and_nothing_else(city: City) -> None:
    providers: list[Provider] = [OidcProvider.model_validate(OIDC), SamlProvider.model_validate(SAML)]
    found = realm.desired(city, URL, SECRETS, providers)
    assert [each["providerId"] for each in found["providers"]] == ["oidc", "saml"]
    for alias, attribute in (("province", "school"), ("college", "person")):
        mappers = [each for each in found["mappers"] if each["identityProviderAlias"] == alias]
        assert {each["name"] for each in mappers} == {"tier", "role", attribute}
        assert all(each["config"]["syncMode"] == "FORCE" for each in mappers)
        (tier,) = [each["config"] for each in mappers if each["name"] == "tier"]
        assert tier["attribute.value"] == "teacher"
    for provider in found["providers"]:
        assert provider["config"]["validateSignature"] == "true"


def test_a_providers_secret_is_not_shown() -> None:
    assert "planted" not in repr(OidcProvider.model_validate(OIDC))


def test_nobody_hands_a_password_in_beside_the_sign_in_page(city: City) -> None:
    assert "admin-cli" in realm.desired(city, URL, SECRETS)["off"], (
        "the one client of Keycloak's own that takes passwords"
    )


def test_nobody_signs_in_to_pages_of_keycloaks_own(city: City) -> None:
    assert {"account", "account-console", "security-admin-console"} <= set(realm.desired(city, URL, SECRETS)["off"])


def test_it_is_plain_data(city: City) -> None:
    assert json.loads(json.dumps(realm.desired(city, URL, SECRETS)))
