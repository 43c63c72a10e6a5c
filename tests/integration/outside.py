"""An outside provider of accounts that is real: another realm of the same Keycloak, at an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive import identity
from derive.federation import OidcProvider, Provider, SamlProvider
from services.identity.admin import Admin

REALM = "province"
PERSON, SCHOOL = "t-1", "school_code"
SECRET, PASSWORD = "a planted secret", "a planted password 4712"


def made(admin: Admin, kind: str, top: str, at: str, *, school: str, tier: str) -> Provider:
    """The realm, empty but for one person of ``school`` and this platform (at ``top``) as its client; as the stack would name it.

    It answers browsers at ``at``.
    """
    if admin.get(f"/admin/realms/{REALM}"):
        admin.delete(f"/admin/realms/{REALM}")
    known = [{"type": "password", "value": PASSWORD, "temporary": False}]
    user = {"username": PERSON, "enabled": True, "email": "t-1@province.example", "firstName": "T", "lastName": "One"}
    client, provider = KINDS[kind]
    admin.post(
        "/admin/realms",
        {
            "realm": REALM,
            "enabled": True,
            "attributes": {"frontendUrl": at},
            "clients": [client(f"{top}{identity.PATH}/realms/{identity.REALM}", school)],
            "users": [{**user, "credentials": known}],
        },
    )
    common = {"kind": kind, "alias": REALM, "name": "Province", "tier": tier, "schoolClaim": SCHOOL}
    return provider(admin, f"{at}/realms/{REALM}", common)


def _oidc_client(city: str, school: str) -> dict[str, Any]:
    config = {"claim.name": SCHOOL, "claim.value": school, "jsonType.label": "String", "id.token.claim": "true"}
    mapper = {"name": "school", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper"}
    return {
        "clientId": "city",
        "secret": SECRET,
        "redirectUris": [f"{city}/broker/{REALM}/endpoint"],
        "protocolMappers": [{**mapper, "config": config}],
    }


def _oidc_provider(_: Admin, outside: str, common: dict[str, Any]) -> Provider:
    inside = f"{identity.internal_url()}/realms/{REALM}/protocol/openid-connect"
    own = {
        "issuer": outside,
        "authorizationUrl": f"{outside}/protocol/openid-connect/auth",
        "tokenUrl": f"{inside}/token",
        "jwksUrl": f"{inside}/certs",
        "clientId": "city",
        "clientSecret": SECRET,
    }
    return OidcProvider.model_validate({**common, **own})


def _saml_client(city: str, school: str) -> dict[str, Any]:
    config = {"attribute.name": SCHOOL, "attribute.value": school, "attribute.nameformat": "Basic"}
    mapper = {"name": "school", "protocol": "saml", "protocolMapper": "saml-hardcode-attribute-mapper"}
    signs = ("saml.server.signature", "saml.assertion.signature")
    return {
        # A SAML client is known by its entity id: the address of the realm that asks.
        "clientId": city,
        "protocol": "saml",
        "redirectUris": [f"{city}/broker/{REALM}/endpoint"],
        "attributes": {**dict.fromkeys(signs, "true"), "saml.client.signature": "false"},
        "protocolMappers": [{**mapper, "config": config}],
    }


def _saml_provider(admin: Admin, outside: str, common: dict[str, Any]) -> Provider:
    keys = admin.get(f"/admin/realms/{REALM}/keys")
    certificate = next(row["certificate"] for row in keys["keys"] if row.get("use") == "SIG" and "certificate" in row)
    own = {"issuer": outside, "signInUrl": f"{outside}/protocol/saml", "certificate": certificate}
    return SamlProvider.model_validate({**common, **own})


KINDS: dict[str, tuple[Callable[[str, str], dict[str, Any]], Callable[[Admin, str, dict[str, Any]], Provider]]] = {
    "oidc": (_oidc_client, _oidc_provider),
    "saml": (_saml_client, _saml_provider),
}
