"""For whom the accounts of store and database stand, which are no people (decision 0199)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from catalog import names
from catalog.access import Action
from derive import store
from derive.points import Point


class Account(NamedTuple):
    """For which rows an account of store or database stands, and who decided about the person before it is used; nobody: no person's."""

    rows: tuple[tuple[str, Action], ...]
    decided: Point | None


_PLAYED: Final = ((names.RESOURCE_LESSON, Action.VIEW), (names.RESOURCE_LESSON, Action.LEARN))
_PUBLISHED: Final = ((names.RESOURCE_LESSON, Action.PUBLISH),)
_KEPT: Final = ((names.RESOURCE_PROFILE, Action.ADMINISTER),)
_READ: Final = ((names.RESOURCE_AUDIT, Action.VIEW),)
_NOBODYS: Final = Account((), None)
ACCOUNTS: Final[Mapping[str, Account]] = {
    store.SHIELD: Account(_PLAYED, Point.CACHES),
    store.ENTITLEMENT: Account(_PLAYED, Point.SERVICE),
    store.PACKAGER: Account(_PUBLISHED, Point.OPERATOR),
    store.PUBLISHER: Account(_PUBLISHED, Point.OPERATOR),
    store.AUDITOR: Account(_READ, Point.OPERATOR),
    store.LOG_READER: Account(_READ, Point.OPERATOR),
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
