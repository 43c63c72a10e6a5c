"""Where each row of the matrix is enforced, and for whom the accounts of store and database stand, which are no people (decision 0199)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from catalog import names
from catalog.access import Action
from derive import store


class Point(StrEnum):
    """A point of enforcement. Each decides by what was compiled from the matrix, and is asked by itself in the tests."""

    SERVICE = "entitlement service"
    CACHES = "caches, by the service's token"
    ROWS = "row-level security, one person at a time"
    GATEWAY = "gateway, by the tier of the session"
    KUBERNETES = "Kubernetes RBAC"
    OPERATOR = "whoever administers the platform, by command"
    """No one else has a way: the account lies in a namespace that only they read."""


ENFORCED: Final[Mapping[tuple[str, Action], tuple[Point, ...]]] = {
    (names.RESOURCE_LESSON, Action.VIEW): (Point.SERVICE, Point.CACHES),
    (names.RESOURCE_LESSON, Action.LEARN): (Point.SERVICE, Point.CACHES),
    (names.RESOURCE_LESSON, Action.PUBLISH): (Point.OPERATOR,),
    (names.RESOURCE_LESSON, Action.DOWNLOAD): (Point.SERVICE, Point.CACHES),
    (names.RESOURCE_LIVE, Action.VIEW): (Point.SERVICE, Point.CACHES),
    (names.RESOURCE_LIVE, Action.LEARN): (Point.SERVICE, Point.CACHES),
    (names.RESOURCE_LIVE, Action.PUBLISH): (Point.OPERATOR,),
    (names.RESOURCE_PROFILE, Action.VIEW): (Point.SERVICE, Point.ROWS),
    (names.RESOURCE_PROFILE, Action.ADMINISTER): (Point.OPERATOR,),
    (names.RESOURCE_READINGS, Action.REPORT): (Point.GATEWAY, Point.SERVICE),
    (names.RESOURCE_PLATFORM, Action.VIEW): (Point.KUBERNETES,),
    (names.RESOURCE_PLATFORM, Action.ADMINISTER): (Point.KUBERNETES,),
    (names.RESOURCE_SCHOOL_BOX, Action.VIEW): (Point.KUBERNETES,),
    (names.RESOURCE_SCHOOL_BOX, Action.ADMINISTER): (Point.KUBERNETES,),
    ("audit-log", Action.VIEW): (Point.OPERATOR,),
}
"""Class and action -> where it is decided. What is not here and is granted has no way in yet: refused to everybody (`derive.closed`)."""


class Account(NamedTuple):
    """For which rows an account of store or database stands, and who decided about the person before it is used; nobody: no person's."""

    rows: tuple[tuple[str, Action], ...]
    decided: Point | None


_PLAYED: Final = ((names.RESOURCE_LESSON, Action.VIEW), (names.RESOURCE_LESSON, Action.LEARN))
_PUBLISHED: Final = ((names.RESOURCE_LESSON, Action.PUBLISH),)
_KEPT: Final = ((names.RESOURCE_PROFILE, Action.ADMINISTER),)
_NOBODYS: Final = Account((), None)
ACCOUNTS: Final[Mapping[str, Account]] = {
    store.SHIELD: Account(_PLAYED, Point.CACHES),
    store.ENTITLEMENT: Account(_PLAYED, Point.SERVICE),
    store.PACKAGER: Account(_PUBLISHED, Point.OPERATOR),
    store.PUBLISHER: Account(_PUBLISHED, Point.OPERATOR),
    store.AUDITOR: Account((("audit-log", Action.VIEW),), Point.OPERATOR),
    store.LOG_READER: Account((("audit-log", Action.VIEW),), Point.OPERATOR),
    **dict.fromkeys(
        (store.ADMIN, store.EXPIRY, store.INDEXER, store.BACKUP, store.LOG_WRITER, store.LOG_ANCHOR), _NOBODYS
    ),
}
"""Account of the object store -> for whom."""
ROLES: Final[Mapping[str, Account]] = {
    names.reader_role(names.DATABASE_ROSTER): Account(((names.RESOURCE_PROFILE, Action.VIEW),), Point.SERVICE),
    names.ROLE_ROSTER_KEEPER: Account(_KEPT, Point.OPERATOR),
    names.ROLE_ROSTER_SCHOOL: Account(_KEPT, Point.OPERATOR),
}
"""Role of the database -> for whom. Owners make tables, and the roles of other databases read what names nobody."""
