"""A person of the roster as those who decide see them today: everything that they could be here, the main role first."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from catalog import City, names
from catalog.errors import UserError
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.lessons.place import Place
from ops.rosters import reaching, telling
from ops.rosters.person import Person as Known
from policies.access import document
from services.entitlement.people import placed
from services.entitlement.rules import Person, Rules


def found(where: Place, given: str, city: City) -> tuple[Person, ...]:
    """Who ``given`` is, an id of the platform or `-`, once for each of their capacities; that they were looked at is on record.

    Raises `UserError` where they are nothing.
    """
    identity: UUID = telling.identity(given, lambda: reaching.pseudonyms(where))
    with (
        reaching.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as connect,
        connect() as connection,
        deeds.noted(where, Deed("access-explain", deeds.profile(identity))),
    ):
        known = telling.look_up(connection, identity)
    return persons(known, city)


def persons(known: Known, city: City) -> tuple[Person, ...]:
    """The same of what the roster has."""
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
