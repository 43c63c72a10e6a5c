"""Sessions as tokens: what is known of somebody becomes a signed statement."""

from __future__ import annotations

import jwt

from derive import identity, keys, session_token
from services.entitlement.sessions import Session
from services.entitlement.settings import Door

MOST_SECONDS = session_token.MOST_HOURS * 3600


class Mint:
    """Makes tokens for ``issuer``, the platform's address, with the key of the ``door``."""

    def __init__(self, issuer: str, door: Door) -> None:
        self._issuer, self._door = issuer, door

    def token(self, session: Session, issued: int) -> str:
        """From ``issued`` (Unix seconds) until the session ends. Raises ValueError for one that would last longer than a session may."""
        person = session.person
        claims = session_token.claims(
            self._issuer,
            person.tier or "",
            session.subject,
            issued,
            (session.expires - issued) / 3600,
            school=person.school,
            district=person.district,
            partner=person.partner,
            person=session.roster_id,
            factors=session.factors,
            more=session.more,
        )
        claims[session_token.PARTY] = identity.CLIENT_PORTAL
        return jwt.encode(claims, self._door.session_key, keys.ALGORITHM, headers={"kid": self._door.session_key_id})
