"""Keycloak as its clients see it: where it answers inside the cluster, its realm, and the secrets by which services sign in to it."""

from __future__ import annotations

from typing import Final

from catalog import names
from derive import keys

PORT: Final = 8080
FIGURES_PORT: Final = 9000
"""Health and figures, apart from what people reach."""
PATH: Final = "/identity"
"""Below which everything of Keycloak is, inside the cluster and at the gateway."""
REALM: Final = "city"
"""Everybody's accounts; Keycloak's own realm `master` is for its administration alone."""
CLIENT_PORTAL: Final = names.PORTAL
"""By which people sign in."""
CLIENT_ACCOUNTS: Final = "accounts"
"""By which accounts are made, changed and switched off; it may do nothing else."""
CLIENTS: Final = (CLIENT_PORTAL, CLIENT_ACCOUNTS)
ROLE_TWO_FACTOR: Final = "two-factor"
"""Realm role of whose holders the sign-in asks for a one-time code; the roles of tiers that need one contain it."""
SECOND_FACTOR: Final = "otp"
"""In the ID token's `amr`, where a one-time code was asked for and right (RFC 8176)."""
ATTRIBUTE_TIER: Final = "tier"
ATTRIBUTE_SCHOOL: Final = "school"
"""Code of a school, or division code of a district or of the city; absent where there is none."""
ATTRIBUTE_PARTNER: Final = "partner"
"""Id of the partner that somebody works for; absent where there is none."""
ATTRIBUTE_PERSON: Final = "person"
"""Id in the roster; absent where somebody is in none."""
ATTRIBUTE_SLIP: Final = "slip"
"""Number of the last slip that was used (`derive.first_sign_in`): none up to it opens the account again."""
ATTRIBUTE_LEFT: Final = "left"
"""Day on which the account was switched off because the roster switched its person off; absent in every other case."""
CLAIM_PROVIDER: Final = "provider"
"""In the ID token of whoever came from an outside provider: its alias. Nothing that an account has."""
ATTRIBUTES: Final = (
    ATTRIBUTE_TIER, ATTRIBUTE_SCHOOL, ATTRIBUTE_PARTNER, ATTRIBUTE_PERSON, ATTRIBUTE_SLIP, ATTRIBUTE_LEFT,
)  # fmt: skip
"""What an account has beside its name; only administrators see and change it."""


def client_secret(seed: str, client: str) -> str:
    """What ``client`` signs in with; ``seed`` is the stack's `identityKey`."""
    return keys.password(seed, f"identity/{client}")


def internal_url() -> str:
    """Where Keycloak answers inside the cluster, without a slash at the end."""
    return f"http://{names.IDENTITY}.{names.namespace(names.IDENTITY)}.svc.cluster.local:{PORT}{PATH}"


def token_path() -> str:
    """Below ``internal_url``: where tokens are given."""
    return f"/realms/{REALM}/protocol/openid-connect/token"


def admin_path() -> str:
    """Below ``internal_url``: the realm in the Admin REST API."""
    return f"/admin/realms/{REALM}"
