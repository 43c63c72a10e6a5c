"""The form of OneRoster 1.2's CSV binding, as far as it is read: files, columns, and what may stand in them.

Columns that are not named here (names, addresses, telephone numbers, passwords) are never looked at; names alone, and only for slips, by
`ops.rosters.slips`. Source: 1EdTech OneRoster CSV binding 1.2.1, https://www.imsglobal.org/spec/oneroster/v1p2/bind/csv
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from catalog.roster import RosterRole

ADMINISTRATOR: Final = "administrator"
"""What enrollments.csv alone calls whoever runs a class, and roles.csv does not."""
FAMILY: Final = frozenset({RosterRole.PARENT, RosterRole.GUARDIAN, RosterRole.RELATIVE})
"""Who looks after pupils."""
IN_CLASSES: Final = frozenset({RosterRole.STUDENT, RosterRole.TEACHER, RosterRole.PROCTOR, ADMINISTRATOR})
"""Roles that enrollments.csv knows."""
AT_PLACES: Final = frozenset(RosterRole)
"""Roles that roles.csv knows."""
SCHOOL: Final = "school"
"""Type of an org that is a school."""
ABOVE: Final = frozenset({"district", "local", "state", "national"})
"""Types of orgs above schools; of those, the city and its districts are known by their division codes."""
WITHIN: Final = frozenset({"department"})
"""Types of orgs inside others, with nobody of their own here."""


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@lru_cache(100_000)
def day(text: str) -> date | None:
    """The day that a cell names, ``YYYY-MM-DD``; None when it names none."""
    try:
        # Python reads weeks, too, as 2026-W01-1.
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


class Column(NamedTuple):
    """A column that is read."""

    name: str
    needed: bool
    """Whether every row must fill it, and every file have it."""
    right: Callable[[str], object]
    """Whether what stands there may; only asked when something does."""
    wanted: str
    """What should stand there, in words."""


def _words(name: str, allowed: frozenset[str], *, needed: bool = True) -> Column:
    return Column(name, needed, allowed.__contains__, f"must be one of: {', '.join(sorted(allowed))}")


_ONE = r"[A-Za-z0-9{_][A-Za-z0-9._/@:{}+-]{0,254}"
_ID, _IDS = re.compile(_ONE), re.compile(rf"{_ONE}(?:,\s?{_ONE}){{0,99}}")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAYS = "letters, digits and . _ / @ : + - { }, 255 at most, beginning with a letter or digit"


def _id(name: str = "sourcedId", *, needed: bool = True) -> Column:
    return Column(name, needed, _ID.fullmatch, f"is no id: {_SAYS}")


def _ids(name: str) -> Column:
    return Column(name, needed=False, right=_IDS.fullmatch, wanted=f"is no list of ids, with commas between: {_SAYS}")


def _day(name: str, *, needed: bool = False) -> Column:
    return Column(name, needed, day, "is no day: write YYYY-MM-DD")


_STATUS = Column(
    "status",
    needed=False,
    right=frozenset({"active"}).__contains__,
    wanted="must be empty in a bulk file: whoever left is left out",
)


class Form(NamedTuple):
    """A file."""

    name: str
    """Without ``.csv``: also its name in the manifest."""
    needed: bool
    columns: tuple[Column, ...]
    one: str
    """What a row is, in a word."""

    @property
    def file(self) -> str:
        """Its name in the archive."""
        return f"{self.name}.csv"


ORGS: Final = Form(
    "orgs",
    needed=True,
    one="org",
    columns=(
        _id(),
        _STATUS,
        _words("type", frozenset({SCHOOL}) | ABOVE | WITHIN),
        Column("identifier", needed=False, right=_CODE.fullmatch, wanted="is no code: letters, digits, . _ -"),
        _id("parentSourcedId", needed=False),
    ),
)
SESSIONS: Final = Form(
    "academicSessions",
    needed=False,
    one="session",
    columns=(
        _id(),
        _STATUS,
        _words("type", frozenset({"gradingPeriod", "semester", "schoolYear", "term"})),
        _day("startDate", needed=True),
        _day("endDate", needed=True),
        _id("parentSourcedId", needed=False),
    ),
)
COURSES: Final = Form(
    "courses",
    needed=False,
    one="course",
    columns=(_id(), _STATUS, _id("schoolYearSourcedId", needed=False), _id("orgSourcedId")),
)
CLASSES: Final = Form(
    "classes",
    needed=False,
    one="class",
    columns=(
        _id(),
        _STATUS,
        _id("courseSourcedId"),
        _words("classType", frozenset({"homeroom", "scheduled"})),
        _id("schoolSourcedId"),
        _ids("termSourcedIds"),
    ),
)
USERS: Final = Form(
    "users",
    needed=True,
    one="user",
    columns=(_id(), _STATUS, _words("enabledUser", frozenset({"true", "false"})), _ids("agentSourcedIds")),
)
ROLES: Final = Form(
    "roles",
    needed=True,
    one="role",
    columns=(
        _id(),
        _STATUS,
        _id("userSourcedId"),
        _words("roleType", frozenset({"primary", "secondary"})),
        _words("role", frozenset(AT_PLACES)),
        _day("beginDate"),
        _day("endDate"),
        _id("orgSourcedId"),
    ),
)
DEMOGRAPHICS: Final = Form(
    "demographics", needed=False, one="row of demographics", columns=(_id(), _STATUS, _day("birthDate"))
)
ENROLLMENTS: Final = Form(
    "enrollments",
    needed=False,
    one="enrollment",
    columns=(
        _id(),
        _STATUS,
        _id("classSourcedId"),
        _id("schoolSourcedId"),
        _id("userSourcedId"),
        _words("role", frozenset(IN_CLASSES)),
        _day("beginDate"),
        _day("endDate"),
    ),
)
FORMS: Final = (ORGS, SESSIONS, COURSES, CLASSES, USERS, ROLES, DEMOGRAPHICS, ENROLLMENTS)
"""In the order in which they are read: what others refer to comes first."""
MANIFEST: Final = Form(
    "manifest",
    needed=True,
    one="property",
    columns=(
        Column("propertyName", needed=True, right=_CODE.fullmatch, wanted="is no property's name"),
        Column("value", needed=False, right=bool, wanted=""),
    ),
)
VERSIONS: Final = {"manifest.version": ("1.0",), "oneroster.version": ("1.2", "1.2.1")}
