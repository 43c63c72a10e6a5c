"""Who is there: the session token of a request, verified.

Whoever minted it, the entitlement service for somebody who signed in or the operator for a trial, it is the same token.
"""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from derive import keys, session_token
from services.entitlement.rules import Person

LEEWAY_SECONDS = 5
"""Clocks of the machine that mints and of the node that verifies may differ by that much."""
REQUIRED = ("iss", "aud", "sub", "exp", "nbf", session_token.TIER)


class SessionError(Exception):
    """A token that does not count; its one argument is the reason's code."""


@dataclass(frozen=True)
class Session:
    """A session that counts."""

    person: Person
    subject: str
    expires: int
    """Unix seconds."""
    roster_id: str | None = None
    """By which the roster knows who it is; None: nobody of the roster."""
    stand_in: bool = False
    """Whether the operator made it, and nobody signed in."""


class Verifier:
    """Verifies sessions of one issuer by its public keys (a JSON Web Key Set, as text)."""

    def __init__(self, issuer: str, key_set: str) -> None:
        self.issuer = issuer
        self.keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(key_set).keys}

    def session(self, token: str) -> Session:
        """The session that ``token`` states. Raises `SessionError`."""
        try:
            key = self.keys[jwt.get_unverified_header(token).get("kid", "")]
            claims = jwt.decode(
                token,
                key,
                algorithms=[keys.ALGORITHM],
                audience=session_token.AUDIENCE,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError as error:
            raise SessionError("session-ended") from error
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise SessionError("session-invalid") from error
        tier = claims[session_token.TIER]
        school, known = claims.get(session_token.SCHOOL), claims.get(session_token.PERSON)
        if not isinstance(tier, str) or not isinstance(school, str | None) or not isinstance(known, str | None):
            raise SessionError("session-invalid")
        return Session(
            Person(tier, school), str(claims["sub"]), int(claims["exp"]), known, session_token.PARTY not in claims
        )
