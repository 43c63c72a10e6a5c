"""A person of the roster as those who decide see them: everything that they could be here, the main role first, and their paid seats."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from catalog import City, names
from catalog.errors import UserError
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.lessons.place import Place
from ops.rosters import reaching, telling
from ops.rosters.consenting import LAST
from ops.rosters.person import Person as Known
from policies.access import document
from services.entitlement.people import placed
from services.entitlement.rules import Person, Rules


def found(where: Place, given: str) -> Known:
    """Who ``given`` is, an id of the platform or `-`; that they were looked at is on record. Raises `UserError` where they are nobody."""
    identity: UUID = telling.identity(given, lambda: reaching.pseudonyms(where))
    with (
        reaching.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as connect,
        connect() as connection,
        deeds.noted(where, Deed("access-explain", deeds.profile(identity))),
    ):
        return telling.look_up(connection, identity)


def persons(known: Known, city: City) -> tuple[Person, ...]:
    """Them, once for each of their capacities of today. Raises `UserError` where they are nothing."""
    if not known.enabled:
        raise UserError(
            f"{known.id} may not sign in: the roster that was taken in last has them no more (`huiju roster show`)"
        )
    rules = Rules(document.document(city))
    held = known.capacities(rules.today(datetime.now(UTC)))
    if not held:
        raise UserError(f"no role of {known.id} leads to a tier today: `huiju roster show` says what they are")
    # Two places that the city does not have are one: nothing of the city is theirs by either.
    seen = dict.fromkeys(placed(tier, place, rules) for tier, place in held)
    return tuple(Person(each.tier, each.school, district=each.district, partner=each.partner) for each in seen)


def seat_until(known: Known, licence: str, rules: Rules, now: datetime) -> int:
    """Until when they hold a seat of the licence at ``now``, Unix seconds; 0: they hold none."""
    day = rules.today(now).isoformat()
    # As text `infinity` comes after every day.
    ends = [
        each["ends"]
        for each in known.seats
        if each["licence"] == licence and each["withdrawn_at"] is None and each["begins"] <= day <= each["ends"]
    ]
    return rules.seat_until(None if each == LAST else date.fromisoformat(each) for each in ends)
