"""The realm as it should be, from the catalog: what is asked of whoever signs in, a role for each tier, the clients, outside providers.

Plain data in the words of Keycloak's Admin REST API, which `services.identity` brings about. Nothing here names anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from catalog import City
from catalog.access import Scope, Tier
from derive import identity, session_token
from derive.federation import Provider

Body = dict[str, Any]
FLOW: Final = "sign-in-1"
"""The login flow: password, then a one-time code for whoever has the role. Flows are made once: another shape is another number."""
CALLBACK: Final = "/access/callback"
"""Where people come back to from the sign-in page, below the platform's address."""
LOCALES: Final = ("zh-CN", "en")
_TOKEN_SECONDS: Final = 300
"""An access token of Keycloak's own; the platform's sessions are minted apart."""
_EVENT_DAYS: Final = 190
"""Six months and a little, as the audit record."""
_MAPPED: Final = (
    identity.ATTRIBUTE_TIER, identity.ATTRIBUTE_SCHOOL, identity.ATTRIBUTE_PARTNER, identity.ATTRIBUTE_PERSON,
)  # fmt: skip
"""Attributes of an account that the portal's ID token states. Only administrators see and change them."""
_OFF: Final = ("admin-cli", "account", "account-console", "security-admin-console")
"""Clients that Keycloak makes in every realm and nobody here uses. The first hands tokens out for a password, without the sign-in page; by
the others people sign in to pages of Keycloak's own, past the platform and its record.

While `account` is off, the account console and its API answer 404 (Keycloak 26.7.3, 2026-12-01)."""
_ACCOUNT_RIGHTS: Final = ("manage-users", "view-users", "query-users")


def desired(city: City, public_url: str, secrets: Mapping[str, str], providers: Iterable[Provider] = ()) -> Body:
    """Everything. ``secrets`` has each client's, ``public_url`` no slash at its end."""
    return {
        "realm": _realm(city),
        "profile": _profile(),
        "flow": {
            "alias": FLOW,
            "role": identity.ROLE_TWO_FACTOR,
            "reference": identity.SECOND_FACTOR,
            "seconds": session_token.MOST_HOURS * 3600,
        },
        "roles": list(_roles(city)),
        "clients": [_portal(public_url, secrets), _accounts(secrets)],
        "off": list(_OFF),
        "service_rights": {identity.CLIENT_ACCOUNTS: list(_ACCOUNT_RIGHTS)},
        "providers": [each.representation() for each in providers],
        "mappers": [mapper for each in providers for mapper in each.mappers()],
    }


def tiers(city: City) -> Iterator[Tier]:
    """Tiers that somebody signs in to."""
    return (tier for tier in city.tiers if tier.scope is not Scope.PUBLIC)


def _realm(city: City) -> Body:
    asked = city.sign_in
    most = session_token.MOST_HOURS * 3600
    return {
        "realm": identity.REALM,
        "enabled": True,
        "displayName": city.name.zh,
        "sslRequired": "external",
        # Accounts are made by the city, without mail addresses: there is nothing to register, to verify or to reset by oneself.
        "registrationAllowed": False,
        "resetPasswordAllowed": False,
        "verifyEmail": False,
        "loginWithEmailAllowed": False,
        "duplicateEmailsAllowed": False,
        "editUsernameAllowed": False,
        "rememberMe": False,
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": asked.wrong_tries,
        "waitIncrementSeconds": asked.locked_minutes * 60,
        "maxFailureWaitSeconds": asked.locked_minutes * 60,
        "maxDeltaTimeSeconds": max(asked.locked_minutes, 60) * 60,
        "passwordPolicy": f"length({asked.password_characters}) and notUsername(undefined) and passwordHistory(3)",
        "otpPolicyType": "totp",
        "otpPolicyAlgorithm": "HmacSHA1",
        "otpPolicyDigits": 6,
        "otpPolicyPeriod": 30,
        "otpPolicyLookAheadWindow": 1,
        "otpPolicyCodeReusable": False,
        "accessTokenLifespan": _TOKEN_SECONDS,
        "ssoSessionIdleTimeout": asked.idle_minutes * 60,
        "ssoSessionMaxLifespan": most,
        "defaultSignatureAlgorithm": "ES256",
        "internationalizationEnabled": True,
        "supportedLocales": list(LOCALES),
        "defaultLocale": LOCALES[0],
        # Kept in Keycloak's own tables for whoever looks into a sign-in; no log line, since it would state the pupil's number. What
        # administrators change is kept without its content.
        "eventsListeners": [],
        "eventsEnabled": True,
        "eventsExpiration": _EVENT_DAYS * 86400,
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": False,
        "browserFlow": FLOW,
    }


def _profile() -> Body:
    """What an account consists of. No name and no address: people are known by the number that the register gives them."""
    admin = {"view": ["admin"], "edit": ["admin"]}
    username = {
        "name": "username",
        "displayName": "${username}",
        "permissions": {"view": ["admin", "user"], "edit": ["admin"]},
        "validations": {
            "length": {"min": 1, "max": 128},
            "username-prohibited-characters": {},
            "up-username-not-idn-homograph": {},
        },
        "multivalued": False,
    }
    # Keycloak cannot do without this one; nobody is asked for it and nobody sees it.
    email = {"name": "email", "displayName": "${email}", "permissions": admin, "multivalued": False}
    own = [
        {"name": name, "displayName": name, "permissions": admin, "multivalued": False} for name in identity.ATTRIBUTES
    ]
    return {"attributes": [username, email, *own], "groups": []}


def _roles(city: City) -> Iterator[Body]:
    """The role of the second factor first: others contain it."""
    yield {"name": identity.ROLE_TWO_FACTOR, "description": "Asked for a one-time code at sign-in.", "contains": []}
    for tier in tiers(city):
        contained = [identity.ROLE_TWO_FACTOR] if tier.two_factor else []
        yield {"name": tier.id, "description": tier.description.en, "contains": contained}


def _client(client_id: str, secrets: Mapping[str, str], **more: Any) -> Body:  # noqa: ANN401
    """A client with a secret that may do nothing but what ``more`` says."""
    return {
        "clientId": client_id,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": secrets[client_id],
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "webOrigins": [],
        "redirectUris": [],
        **more,
    }


def _portal(public_url: str, secrets: Mapping[str, str]) -> Body:
    """By which people sign in: code flow with PKCE, back to one address alone."""
    attributes = {
        "pkce.code.challenge.method": "S256",
        "post.logout.redirect.uris": f"{public_url}/",
        "id.token.signed.response.alg": "ES256",
    }
    mappers = [*(_mapper(name) for name in _MAPPED), _from_where(), _how()]
    callback = [f"{public_url}{CALLBACK}"]
    return _client(
        identity.CLIENT_PORTAL,
        secrets,
        standardFlowEnabled=True,
        redirectUris=callback,
        baseUrl=f"{public_url}/",
        attributes=attributes,
        protocolMappers=mappers,
    )


def _mapper(attribute: str) -> Body:
    config = {
        "user.attribute": attribute,
        "claim.name": attribute,
        "jsonType.label": "String",
        "id.token.claim": "true",
        "access.token.claim": "false",
        "userinfo.token.claim": "false",
    }
    return {
        "name": attribute,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": config,
    }


def _from_where() -> Body:
    """States which outside provider somebody came from; absent for accounts of the city's own.

    https://www.keycloak.org/docs/latest/server_admin/index.html#available-user-session-data
    """
    config = {
        "user.session.note": "identity_provider",
        "claim.name": identity.CLAIM_PROVIDER,
        "jsonType.label": "String",
        "id.token.claim": "true",
        "access.token.claim": "false",
        "userinfo.token.claim": "false",
    }
    return {
        "name": identity.CLAIM_PROVIDER,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usersessionmodel-note-mapper",
        "config": config,
    }


def _how() -> Body:
    """States by what somebody signed in: `otp` where a one-time code was asked for."""
    config = {"id.token.claim": "true", "access.token.claim": "false"}
    return {"name": "amr", "protocol": "openid-connect", "protocolMapper": "oidc-amr-mapper", "config": config}


def _accounts(secrets: Mapping[str, str]) -> Body:
    return _client(identity.CLIENT_ACCOUNTS, secrets, serviceAccountsEnabled=True)
