"""Cities with one fact changed, for tests of what is derived from it."""

from __future__ import annotations

from typing import Any

from catalog import City
from catalog.access import Action, Scope
from catalog.resource import Grant


def changed(city: City, **facts: Any) -> City:
    """The city with other facts, checked by nothing; what it had worked out of the old ones is not carried over."""
    return City.model_construct(**{**{name: getattr(city, name) for name in City.model_fields}, **facts})


def with_tier(city: City, scope: Scope, *actions: Action) -> City:
    """The city with one tier, `t`, and no grants."""
    tier = city.tiers[0].model_copy(update={"id": "t", "scope": scope, "actions": actions})
    resources = tuple(each.model_copy(update={"grants": ()}) for each in city.resources)
    return city.model_copy(update={"tiers": (tier,), "resources": resources})


def granted(city: City, resource: str, scope: Scope, *actions: Action, agreement: bool = False) -> City:
    """The city with one grant more: its first tier may do this with ``resource``."""
    scopes = (scope, Scope.AGREEMENT) if agreement and scope is not Scope.AGREEMENT else (scope,)
    grant = Grant(tiers=(city.tiers[0].id,), actions=actions, scopes=scopes, rule=None)
    changed = (
        each.model_copy(update={"grants": (*each.grants, grant)}) if each.id == resource else each
        for each in city.resources
    )
    return city.model_copy(update={"resources": tuple(changed)})
