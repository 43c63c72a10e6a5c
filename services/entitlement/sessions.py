"""Who is there: the session token of a request, verified.

Whoever minted it, the entitlement service for somebody who signed in or the operator for a trial, it is the same token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
    factors: tuple[str, ...] | None = None
    """What was shown to the city's own sign-in page beside a password; None: to somebody else's, so that it is not known."""
    more: bool = False
    """Whether the roster had them in other capacities too when they signed in."""


class Verifier:
    """Verifies sessions of one issuer by its public keys (a JSON Web Key Set, as text); ``clock`` gives the time, aware.

    The times are looked at here, since PyJWT has a clock of its own: a decision and the session that it is about go by one moment.
    """

    def __init__(self, issuer: str, key_set: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.issuer, self._clock = issuer, clock
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
                options={"require": list(REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise SessionError("session-invalid") from error
        _in_time(claims, self._clock().timestamp())
        return Session(
            _person(claims),
            str(claims["sub"]),
            int(claims["exp"]),
            _text(claims, session_token.PERSON),
            stand_in=session_token.PARTY not in claims,
            factors=_factors(claims),
            more=claims.get(session_token.MORE) is True,
        )


def _person(claims: Mapping[str, Any]) -> Person:
    """Whom the claims state. Raises `SessionError`."""
    tier, *places = (
        _text(claims, name)
        for name in (session_token.TIER, session_token.SCHOOL, session_token.DISTRICT, session_token.PARTNER)
    )
    school, district, partner = places
    return Person(tier, school, district=district, partner=partner)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is a text or absent. Raises `SessionError`."""
    found = claims.get(name)
    if not isinstance(found, str | None):
        raise SessionError("session-invalid")
    return found


def _factors(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What was shown beside a password. Raises `SessionError`."""
    found = claims.get(session_token.FACTORS)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise SessionError("session-invalid")
    return tuple(found)


def _in_time(claims: Mapping[str, Any], now: float) -> None:
    """Whether it has begun and has not ended. Raises `SessionError`, also for times that are no whole seconds."""
    begins, ends = claims["nbf"], claims["exp"]
    if type(begins) is not int or type(ends) is not int or begins > now + LEEWAY_SECONDS:
        raise SessionError("session-invalid")
    if ends <= now - LEEWAY_SECONDS:
        raise SessionError("session-ended")
