"""Who is there, as a signed statement: claims of the session token, and where it travels.

Minted by the entitlement service when somebody has signed in, and by the operator's command for trials and load tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

AUDIENCE: Final = "huiju"
COOKIE: Final = "__Host-huiju_session"
"""Browsers take a name that begins so only with `Secure`, `Path=/` and no `Domain` (RFC 6265bis, 4.1.3.2): no subdomain can plant one."""
MOST_HOURS: Final = 12
"""A day in school and its evening: nobody signs in twice a day, and a lost device is out by the next morning."""
TIER: Final = "tier"
"""Claim with the id of the person's tier."""
SCHOOL: Final = "school"
"""Claim with the code of the person's school; absent where there is none."""
DISTRICT: Final = "district"
"""Claim with the id of the district that the person works for; absent where there is none."""
PARTNER: Final = "partner"
"""Claim with the id of the partner that the person works for; absent where there is none."""
PARTY: Final = "azp"
"""Claim with the client by which the person signed in; absent where the operator made the session."""
PERSON: Final = "person"
"""Claim with the id by which the roster knows the person, a UUID as text; absent where it knows nobody."""
FACTORS: Final = "amr"
"""Claim with what the city's own sign-in page saw beside a password (RFC 8176), `[]` for nothing; absent where somebody else vouched."""
MORE: Final = "more"
"""Claim that is true where the roster had the person in other capacities too at sign-in: for a page to say so, it decides nothing."""


def claims(
    issuer: str,
    tier: str,
    subject: str,
    issued: int,
    hours: float,
    *,
    school: str | None = None,
    district: str | None = None,
    partner: str | None = None,
    person: str | None = None,
    factors: Iterable[str] | None = None,
    more: bool = False,
) -> dict[str, Any]:
    """Claims of a session from ``issued`` (Unix seconds) on. Raises ValueError when it would last longer than a session may."""
    if not 0 < hours <= MOST_HOURS:
        raise ValueError(f"a session lasts more than 0 and at most {MOST_HOURS} hours, not {hours:g}")
    ends = issued + round(hours * 3600)
    found = {"iss": issuer, "aud": AUDIENCE, "sub": subject, TIER: tier, "iat": issued, "nbf": issued, "exp": ends}
    also = {SCHOOL: school, DISTRICT: district, PARTNER: partner, PERSON: person, MORE: more}
    proved = {} if factors is None else {FACTORS: list(factors)}
    return {**found, **{claim: value for claim, value in also.items() if value}, **proved}
