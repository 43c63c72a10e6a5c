"""Who may read the city's dashboards and the query path behind them."""

from __future__ import annotations

from catalog import City, names
from catalog.access import Action, Scope, Tier
from derive import grants

ACTIONS = frozenset({Action.REPORT, Action.ADMINISTER})
"""What one must be allowed to do."""


def dashboard_tiers(city: City) -> tuple[Tier, ...]:
    """The tiers that may ask Prometheus anything, in catalog order.

    Only those whose reach is the whole city: Prometheus answers every question about every school alike, so whoever reports on one school,
    one class or one child must not get that far.
    """

    def reads(tier: Tier) -> bool:
        return Scope.CITY in grants.scopes(city, names.RESOURCE_READINGS, tier.id, ACTIONS)

    return tuple(tier for tier in city.tiers if tier.scope is Scope.CITY and reads(tier))
