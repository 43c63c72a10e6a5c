"""The matrix of access cell by cell: what one tier may do with one class of resources, and with whose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalog import City
from catalog.access import Action, Scope


@dataclass(frozen=True)
class Cell:
    """One cell; what has none is refused."""

    resource: str
    tier: str
    action: Action
    scopes: tuple[Scope, ...]
    """With whose; any of them is enough."""
    rule: str | None
    """The rule about pupils' personal data by which it is allowed."""


def cells(city: City) -> Iterator[Cell]:
    """Every cell in which something is allowed, in catalog order."""
    for resource in city.resources:
        for grant in resource.grants:
            for tier in grant.tiers:
                for action in grant.actions:
                    yield Cell(resource.id, tier, action, grant.scopes, grant.rule)


def held(city: City, resource: str) -> dict[str, dict[str, tuple[Scope, ...]]]:
    """All that may be done with one class: tier -> action -> with whose. (No tier has an action twice in one: `catalog.access_checks`.)"""
    found: dict[str, dict[str, tuple[Scope, ...]]] = {}
    for cell in cells(city):
        if cell.resource == resource:
            found.setdefault(cell.tier, {})[cell.action] = cell.scopes
    return found


def scopes(city: City, resource: str, tier: str, actions: frozenset[Action]) -> frozenset[Scope]:
    """With whose ``resource`` the tier may do any of ``actions``; empty where with none."""
    found = held(city, resource).get(tier, {})
    return frozenset(scope for action in actions for scope in found.get(action, ()))
