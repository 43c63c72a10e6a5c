"""The words of the compiled policies: types of entities, attributes, and expressions in Cedar's JSON form.

Policies are built as data and never as text: an id or a name of the catalog is a string inside JSON, wherever it may contain quotes, line
ends or Cedar's own syntax, and only Cedar's own printer turns it into policy text.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, Final

Json = Any
"""What JSON can hold."""

PERSON: Final = "Person"
TIER: Final = "Tier"
SCHOOL: Final = "School"
CLASS: Final = "Class"
DISTRICT: Final = "District"
CITY: Final = "City"
ALLIANCE: Final = "Alliance"
PARTNER: Final = "Partner"
AGREEMENT: Final = "Agreement"
LICENCE: Final = "Licence"
RESOURCE_CLASS: Final = "ResourceClass"
ACTION: Final = "Action"
OF_PERSON: Final = "PersonResource"
OF_SCHOOL: Final = "SchoolResource"
LICENSED: Final = "LicensedResource"
OF_CITY: Final = "CityResource"
HELD: Final = (OF_PERSON, OF_SCHOOL, LICENSED, OF_CITY)
"""Types of one resource, by whom it belongs to and whether a licence has its say."""

PRINCIPAL: Final = {"Var": "principal"}
RESOURCE: Final = {"Var": "resource"}
CONTEXT: Final = {"Var": "context"}


def uid(kind: str, name: str) -> dict[str, str]:
    """An entity's name."""
    return {"type": kind, "id": name}


def entity(kind: str, name: str) -> Json:
    """An entity as a value of an expression or of an attribute."""
    return {"__entity": uid(kind, name)}


def literal(value: Json) -> Json:
    """A value, or an entity as :func:`entity` names it."""
    return {"Value": value}


def attr(of: Json, *names: str) -> Json:
    """``of.a.b``."""
    return reduce(lambda left, name: {".": {"left": left, "attr": name}}, names, of)


def has(of: Json, name: str) -> Json:
    """``of has name``."""
    return {"has": {"left": of, "attr": name}}


def op(operator: str, left: Json, right: Json) -> Json:
    """An operator between two expressions: ``in``, ``==``, ``<``, ``>=``, ``+``, ``contains``."""
    return {operator: {"left": left, "right": right}}


def negated(body: Json) -> Json:
    """``!body``."""
    return {"!": {"arg": body}}


def all_of(bodies: Iterable[Json]) -> Json:
    """Every one of them; true where there is none."""
    return (
        reduce(lambda left, right: op("&&", left, right), bodies) if (bodies := list(bodies)) else literal(value=True)
    )


def any_of(bodies: Iterable[Json]) -> Json:
    """At least one of them; false where there is none."""
    return (
        reduce(lambda left, right: op("||", left, right), bodies) if (bodies := list(bodies)) else literal(value=False)
    )
