"""Where each row of the matrix is enforced and with whose, and so what of it reaches people. A fact about this code and about no city."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from catalog import names
from catalog.access import Action, Scope


class Point(StrEnum):
    """A point of enforcement. Each decides by what was compiled from the matrix, and is asked by itself in the tests."""

    SERVICE = "entitlement service"
    CACHES = "caches, by the service's token"
    ROWS = "row-level security, one person at a time"
    GATEWAY = "gateway, by the tier of the session"
    KUBERNETES = "Kubernetes RBAC"
    OPERATOR = "whoever administers the platform, by command"
    """No one else has a way: the account lies in a namespace that only they read."""


class Giver(StrEnum):
    """From whom people have what a cell grants them; not whether it is granted."""

    PLATFORM = "platform"
    OPERATOR = "operator"
    """Whoever administers the platform does it for them, by command."""
    NOBODY = "nobody"
    """Nothing serves it yet, so it is refused to everybody."""


class Served(NamedTuple):
    """How one action on one class is served."""

    points: tuple[Point, ...]
    scopes: frozenset[Scope] = frozenset(Scope)
    """With whose; a grant over anything else opens nothing."""
    part_of: Action | None = None
    """Another action, with the same class, that has this one in it."""


WHOLE: Final = frozenset({Scope.CITY})
"""Where what is served is not divided into schools or districts: who has less would see other people's part."""
_LIBRARY: Final = Served((Point.SERVICE, Point.CACHES))
_COMMAND: Final = Served((Point.OPERATOR,))
_CLUSTER: Final = Served((Point.KUBERNETES,), WHOLE)
SERVED: Final[Mapping[tuple[str, str], Served]] = {
    (names.RESOURCE_LESSON, Action.VIEW): _LIBRARY,
    (names.RESOURCE_LESSON, Action.LEARN): _LIBRARY,
    (names.RESOURCE_LESSON, Action.PUBLISH): _COMMAND,
    (names.RESOURCE_LESSON, Action.DOWNLOAD): _LIBRARY,
    (names.RESOURCE_LIVE, Action.VIEW): _LIBRARY,
    (names.RESOURCE_LIVE, Action.LEARN): _LIBRARY,
    (names.RESOURCE_LIVE, Action.PUBLISH): _COMMAND,
    (names.RESOURCE_PROFILE, Action.VIEW): Served((Point.SERVICE, Point.ROWS)),
    (names.RESOURCE_PROFILE, Action.ADMINISTER): _COMMAND,
    (names.RESOURCE_READINGS, Action.REPORT): Served((Point.GATEWAY, Point.SERVICE), WHOLE),
    (names.RESOURCE_PLATFORM, Action.VIEW): _CLUSTER,
    (names.RESOURCE_PLATFORM, Action.ADMINISTER): _CLUSTER,
    (names.RESOURCE_SCHOOL_BOX, Action.VIEW): Served((Point.KUBERNETES,), WHOLE, part_of=Action.ADMINISTER),
    # Who mends a district's boxes has to see what answers them: it serves all districts, and has nothing personal in it.
    (names.RESOURCE_SCHOOL_BOX, Action.ADMINISTER): Served((Point.KUBERNETES,), WHOLE | {Scope.DISTRICT}),
    (names.RESOURCE_AUDIT, Action.VIEW): _COMMAND,
}
"""Class and action -> how. What is not here is served by nothing yet, also in a class that a city adds."""


Held = Mapping[str, Collection[str]]
"""All that one tier may do with one class: action -> with whose."""


def givers(resource: str, action: str, held: Held) -> dict[Giver, list[str]]:
    """From whom a tier that has ``held`` with the class has ``action``, and of those scopes which, in their order."""
    found: dict[Giver, list[str]] = {}
    for scope in held[action]:
        found.setdefault(_giver(resource, action, scope, held), []).append(scope)
    return found


def _giver(resource: str, action: str, scope: str, held: Held) -> Giver:
    row = SERVED.get((resource, action))
    if row is None:
        return Giver.NOBODY
    if scope in row.scopes:
        return Giver.OPERATOR if row.points == (Point.OPERATOR,) else Giver.PLATFORM
    if row.part_of is not None and scope in held.get(row.part_of, ()):
        return _giver(resource, row.part_of, scope, {})
    return Giver.NOBODY
