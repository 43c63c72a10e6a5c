"""Sessions for a load test: one for every school and kind of tier that comes, minted from the stack's own seed like the operator's."""

from __future__ import annotations

from catalog import City
from catalog.access import Action, Scope
from catalog.errors import UserError
from derive import session_token
from loadtests import schedule
from loadtests.order import bearer
from loadtests.schedule import Plan
from ops import access
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.lessons.place import Place
from ops.stack import configuration, renewal

LOAD = "load"
"""On record: all sessions of a run."""


def tier(city: City, scope: Scope) -> str | None:
    """The city's tier with so wide a reach that watches lessons; None where it has none, and for the public, who does not sign in."""
    watching = (each.id for each in city.tiers if each.scope is scope and Action.VIEW in each.actions)
    return None if scope is Scope.PUBLIC else next(watching, None)


def minted(place: Place, city: City, run: Plan) -> dict[str, str]:
    """Session tokens of everybody who comes, by ``bearer``, on record as one. Raises UserError when the stack's secrets cannot be read."""
    seed = configuration.read_secrets(place.stack).get("accessKey")
    if seed is None:
        raise UserError(f"stack {place.stack} has no accessKey yet: run `huiju up --stack {place.stack}`")
    hours = min(session_token.MOST_HOURS, 1 + run.seconds / 3600)
    epoch = renewal.of_settings(place.settings).signs
    pairs = sorted({(person.scope, person.school) for person in schedule.arrivals(run)})
    tiers = {scope: tier(city, scope) for scope, _ in pairs}
    made = {
        bearer(scope, school): access.mint(access.Wish(tiers[scope] or "", school, hours), city, place.url, seed, epoch)
        for scope, school in pairs
        if tiers[scope]
    }
    # A record for each would be thousands for one run, and tell no more.
    facts: dict[str, str | int] = {"sessions": len(made), "hours": f"{hours:g}"}
    deeds.done(place, Deed(access.MINTING, deeds.session(LOAD), facts))
    return made
