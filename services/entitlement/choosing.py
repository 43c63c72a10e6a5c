"""Which of their capacities somebody who is signed in may act in: never one that signing in anew the same way would refuse. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from derive import identity
from services.entitlement.people import Found, Identity, identities
from services.entitlement.rules import Rules
from services.entitlement.sessions import Session

NOT_THEIRS = "capacity-not-yours"
"""Reason where the roster does not have them as that today."""


def may_choose(session: Session | None) -> bool:
    """Whether the roster says what else they are: they signed in themselves, with an account of somebody of the roster."""
    return session is not None and session.roster_id is not None and not session.stand_in


def here(session: Session) -> Identity:
    """What they are signed in as."""
    person = session.person
    return Identity(person.tier or "", person.school, person.district, person.partner)


def others(rules: Rules, session: Session, found: Found, today: date) -> tuple[Identity, ...]:
    """What else the roster has them as. Raises `PersonError`."""
    return tuple(each for each in identities(found, today, rules) if each != here(session))


def obstacle(rules: Rules, session: Session, chosen: Identity) -> str | None:
    """Why this sign-in does not reach as far as a capacity of theirs; None: it does."""
    if chosen.tier not in rules.tiers or chosen.tier == rules.public_tier:
        return "unknown-tier"
    # An outside provider lets people in as one tier, and might have named anybody.
    if session.factors is None and chosen.tier != session.person.tier:
        return "provider-differs"
    return None if proved(rules, chosen.tier, session.factors or ()) else "second-factor-needed"


def proved(rules: Rules, tier: str, factors: Collection[str]) -> bool:
    """Whether these factors beside a password are enough for the tier."""
    return not rules.tiers.get(tier, {}).get("two_factor") or identity.SECOND_FACTOR in factors
