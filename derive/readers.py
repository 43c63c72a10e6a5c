"""Who may read the city's dashboards and the query path behind them, and where the gateway asks about each of them."""

from __future__ import annotations

from typing import Final

from catalog import City
from catalog.access import Scope, Tier
from derive import grants, questions

ASKED: Final = "/gate/readings"
"""Path of the entitlement service at which the gateway asks, with the path that somebody wants behind it; no route leads there."""


def dashboard_tiers(city: City) -> tuple[Tier, ...]:
    """The tiers that may ask Prometheus anything, in catalog order.

    Only those whose reach is the whole city: Prometheus answers every question about every school alike, so whoever reports on one school,
    one class or one child must not get that far.
    """

    def reads(tier: Tier) -> bool:
        return Scope.CITY in grants.scopes(city, questions.READINGS, tier.id, frozenset(questions.REPORTING))

    return tuple(tier for tier in city.tiers if tier.scope is Scope.CITY and reads(tier))
