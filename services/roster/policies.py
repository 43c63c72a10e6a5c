"""Who may see which rows: one role for each reach, and row-level security that also holds for the tables' owner.

A role says within a transaction whose rows it wants (`SETTINGS`); who says nothing sees nothing. That keeps a program, a console or a
careless query from reading everybody. It is no wall against whoever holds the password and means to: such a one can say another name.
Ids are 128-bit keyed hashes, so the reader, who must name a person, cannot go through them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from derive import database

PERSON, SCHOOL, PURPOSE = database.ROSTER_PERSON, "huiju.school", "huiju.purpose"
"""Settings: id of the one person, code of the one school, and what the keeper is doing."""
IMPORT: Final = "import"
CONSENT: Final = "consent"
SEAT: Final = "seat"
"""What the keeper says that it is doing: taking a roster in, writing down what a guardian agreed to, or giving out paid seats."""


@dataclass(frozen=True)
class Roles:
    """The database's roles, by what they are for."""

    reader: str
    """One person at a time, with the children in their care."""
    keeper: str
    """Takes rosters in, or consents, or gives seats out, and says which."""
    school: str
    """One school at a time."""


class Policy(NamedTuple):
    """Rows of a table that a role sees, as an SQL condition."""

    table: str
    role: str
    rows: str


# Empty once a transaction that set it is over. In a sub-query, so that it is looked up once and not for every row.
_PERSON: Final = f"(SELECT nullif(current_setting('{PERSON}', true), '')::uuid)"
_SCHOOL: Final = f"(SELECT nullif(current_setting('{SCHOOL}', true), ''))"
# Arrays, because PostgreSQL looks through an index for each of their members, and through the whole table for `OR` and `IN (SELECT ...)`.
_NEAR: Final = "{0} = ANY (ARRAY(SELECT child FROM guardians WHERE guardian = " + _PERSON + ") || " + _PERSON + ")"  # noqa: S608
"""The person, or a child in their care."""
# The array is what an index is looked through for; the pair, that another school's class of the same id is not taken for theirs.
_ENROLLED: Final = (
    "id = ANY (ARRAY(SELECT class FROM enrolments)) "
    "AND EXISTS (SELECT FROM enrolments e WHERE (e.class, e.school) = (classes.id, classes.school))"
)
_OF_SCHOOL: Final = f"= ANY (ARRAY(SELECT person FROM roles WHERE place = {_SCHOOL}))"  # noqa: S608
IMPORTED: Final = ("people", "roles", "classes", "enrolments", "guardians", "imports")
CONSENTS: Final = "consents"
SEATS: Final = "seats"
TABLES: Final = (*IMPORTED, CONSENTS, SEATS)
KEEPS: Final = {
    "people": "SELECT, INSERT, UPDATE",
    "roles": "SELECT, INSERT, UPDATE, DELETE",
    "classes": "SELECT, INSERT, UPDATE, DELETE",
    "enrolments": "SELECT, INSERT, UPDATE, DELETE",
    "guardians": "SELECT, INSERT, UPDATE (roles), DELETE",
    "imports": "SELECT, INSERT",
    CONSENTS: "SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by)",
    SEATS: "SELECT, INSERT, UPDATE (withdrawn_at, withdrawn_by)",
}
"""Table -> what the keeper may do: people are switched off and never deleted, what was taken in stays on record, and a consent or a seat is
withdrawn and not unwritten. A consent goes when the pupil or the guardian does, with the link that it hangs on, and a seat with its person:
the server does that by itself."""


def policies(roles: Roles) -> tuple[Policy, ...]:
    """Every policy. A policy of one table looks into others only as far as theirs allow."""
    return (
        *(Policy(table, roles.keeper, _doing(IMPORT)) for table in IMPORTED),
        Policy(CONSENTS, roles.keeper, _doing(CONSENT)),
        Policy(SEATS, roles.keeper, _doing(SEAT)),
        Policy("people", roles.reader, _NEAR.format("id")),
        Policy("roles", roles.reader, _NEAR.format("person")),
        Policy("enrolments", roles.reader, _NEAR.format("person")),
        Policy("classes", roles.reader, _ENROLLED),
        Policy("guardians", roles.reader, f"guardian = {_PERSON} OR child = {_PERSON}"),
        Policy(CONSENTS, roles.reader, _NEAR.format("pupil")),
        Policy(SEATS, roles.reader, f"person = {_PERSON}"),
        Policy("people", roles.school, f"id {_OF_SCHOOL}"),
        Policy("roles", roles.school, f"place = {_SCHOOL}"),
        Policy("enrolments", roles.school, f"school = {_SCHOOL}"),
        Policy("classes", roles.school, f"school = {_SCHOOL}"),
        Policy("guardians", roles.school, f"child {_OF_SCHOOL}"),
    )


def _doing(purpose: str) -> str:
    return f"(SELECT current_setting('{PURPOSE}', true)) = '{purpose}'"
