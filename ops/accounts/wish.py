"""An account that somebody asks for, judged by the catalog before anything is touched. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from catalog import City
from catalog.access import Scope, Tier
from catalog.errors import UserError
from catalog.wording import did_you_mean
from derive import first_sign_in, identity

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")
GROUPS: Final = 4
"""Of five characters each in a one-time password: 100 bits."""
UPDATE_PASSWORD, CONFIGURE_TOTP = "UPDATE_PASSWORD", "CONFIGURE_TOTP"  # Keycloak's words, no secrets


@dataclass(frozen=True)
class Wish:
    """A new account."""

    name: str
    tier: str
    school: str | None
    """Division code of a district for who works there; None for everybody who works for no one district."""
    partner: str | None = None
    """Id of the partner for who works there; None for everybody else."""


def judged(wish: Wish, city: City) -> Tier:
    """The tier that is meant. Raises `UserError` with everything that is wrong."""
    tiers = {tier.id: tier for tier in city.tiers if tier.scope is not Scope.PUBLIC}
    tier = tiers.get(wish.tier)
    about = [*_place(wish, tier, city), *_partner(wish, tier, city)] if tier else _tier(wish.tier, list(tiers))
    found = [*_name(wish.name), *about]
    if found or tier is None:
        raise UserError("no account was made:\n  " + "\n  ".join(found))
    return tier


def known(tier: str, city: City) -> None:
    """Raises `UserError` when nobody signs in to such a tier."""
    tiers = [each.id for each in city.tiers if each.scope is not Scope.PUBLIC]
    if tier not in tiers:
        raise UserError("; ".join(_tier(tier, tiers)))


def _name(name: str) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield (
            f"{name!r} is no name of an account: small letters, digits and . _ @ -, 3 to 64, beginning with a letter or digit"
        )


def _tier(given: str, tiers: list[str]) -> Iterator[str]:
    yield f"there is no tier {given!r}{did_you_mean(given, tiers)}; there are: {', '.join(tiers)}"


def _place(wish: Wish, tier: Tier, city: City) -> Iterator[str]:
    """A tier that goes with a school comes by the roster; one of a district names it, and any other names none."""
    districts = {each.division_code: each.name.zh for each in city.districts}
    if tier.roster_roles and tier.scope is not Scope.DISTRICT:
        yield f"a {tier.id} comes by the roster of their school: `huiju roster import FILE`, then `huiju roster slips FILE --school CODE`"
    elif tier.scope is Scope.DISTRICT and wish.school not in districts:
        known = ", ".join(f"{code} {name}" for code, name in districts.items())
        given = f"{wish.school!r} is none" if wish.school else "--school names it"
        yield f"a {tier.id} works for one district, by its division code, and {given}; there are: {known}"
    elif tier.scope is not Scope.DISTRICT and wish.school is not None:
        yield f"a {tier.id} works for no one school or district: leave --school out"


def _partner(wish: Wish, tier: Tier, city: City) -> Iterator[str]:
    """A tier that reaches what agreements open goes with a partner of its kind, and no other with any."""
    partners = {each.id: each.name.zh for each in city.partners if each.kind is tier.partner_kind}
    if tier.scope is not Scope.AGREEMENT:
        if wish.partner is not None:
            yield f"a {tier.id} works for no partner: leave --partner out"
    elif wish.partner not in partners:
        known = ", ".join(f"{name} {called}" for name, called in partners.items()) or "none of that kind in this city"
        given = f"{wish.partner!r} is none" if wish.partner else "--partner names it"
        near = did_you_mean(wish.partner, list(partners)) if wish.partner else ""
        yield f"a {tier.id} works for one partner, by its id, and {given}{near}; there are: {known}"


def attributes(wish: Wish) -> dict[str, str]:
    """What the account says."""
    school = {identity.ATTRIBUTE_SCHOOL: wish.school} if wish.school else {}
    partner = {identity.ATTRIBUTE_PARTNER: wish.partner} if wish.partner else {}
    return {identity.ATTRIBUTE_TIER: wish.tier, **school, **partner}


def actions(tier: Tier) -> list[str]:
    """What is asked of somebody at the first sign-in."""
    return [UPDATE_PASSWORD, *([CONFIGURE_TOTP] if tier.two_factor else [])]


def one_time_password() -> str:
    """A password that is typed once and then replaced."""
    letters = (
        "".join(secrets.choice(first_sign_in.ALPHABET) for _ in range(first_sign_in.GROUP)) for _ in range(GROUPS)
    )
    return "-".join(letters)
