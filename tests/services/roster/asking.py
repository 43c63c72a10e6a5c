"""Every role, setting, table and statement, as real SQL: what came of it, beside what the plain reference says should."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege
from psycopg.rows import dict_row

from tests.services.roster import reference
from tests.services.roster.reference import COLUMNS, Facts, Said

ROLES = ("roster_owner", "roster_reader", "roster_keeper", "roster_school")
DENIED, LET_THROUGH = "denied", "let through"
"""What came of a statement that gave no rows: no right to it; or it had one, and only other rows stood in the way."""
NOWHERE = "0000000000"
"""Code of a school that no city has."""
SETS = {
    "people": "enabled = enabled",
    "roles": "main = main",
    "classes": "school = school",
    "enrolments": "role = role",
    "guardians": "child = child",
    "imports": "by = by",
    "consents": "withdrawn_by = withdrawn_by",
    "seats": "withdrawn_by = withdrawn_by",
}
"""Table -> a change that changes nothing."""
NEW = {
    "people": "(id, enabled) VALUES (%(new)s, true)",
    "roles": "(person, place, role, main) VALUES (%(person)s, %(school)s, 'probe', false)",
    "classes": "(id, school) VALUES ('probe', %(school)s)",
    "enrolments": "(person, class, role, school) VALUES (%(person)s, %(class)s, 'probe', %(school)s)",
    "guardians": "(guardian, child) VALUES (%(person)s, %(person)s)",
    "consents": "(pupil, guardian, roles, begins, recorded_by) VALUES (%(person)s, %(guardian)s, '{parent}', '2026-09-01', 'probe')",
    "seats": "(licence, person, begins, given_by) VALUES ('bought-course', %(person)s, '2026-09-01', 'probe')",
    "imports": "(by, file, catalog, key, places, counts) VALUES ('probe', 'x', 'x', 'x', '{}', '{}')",
}
"""Table -> a row that belongs to a person and a school."""


class Answer(NamedTuple):
    """One statement: whose, what it says of itself, what came of it and what should have; and over how many rows it decides."""

    role: str
    said: tuple[tuple[str, str], ...]
    statement: str
    table: str
    got: object
    wanted: object
    rows: int


class Somebody(NamedTuple):
    """A person of the roster, with a class and a school of theirs, and a guardian; their own where the roster has one."""

    person: str
    group: str
    school: str
    guardian: str
    guarded: bool
    """Whether the guardian is theirs."""


def facts(connection: psycopg.Connection[Any], said: Said) -> Facts:
    """All rows, as somebody sees them who may see all."""
    with connection.transaction(force_rollback=True), connection.cursor(row_factory=dict_row) as cursor:
        _say(connection, said)
        return {table: cursor.execute(f"SELECT {_columns(table)} FROM {table}").fetchall() for table in COLUMNS}


def somebodies(found: Facts) -> dict[str, Somebody]:
    """A guardian, the child, a classmate, a pupil of another class, and one of another school."""
    link, enrolled = found["guardians"][0], found["enrolments"]
    own = next(row for row in enrolled if row["person"] == link["child"])
    pupils = [row for row in enrolled if row["role"] == own["role"] and row["person"] != link["child"]]
    rows = {
        "guardian": {**own, "person": link["guardian"]},
        "child": own,
        "classmate": next(row for row in pupils if row["class"] == own["class"]),
        "schoolmate": next(row for row in pupils if row["school"] == own["school"] and row["class"] != own["class"]),
        "stranger": next(row for row in pupils if row["school"] != own["school"]),
    }
    theirs = {each["child"]: each["guardian"] for each in found["guardians"]}
    return {
        name: Somebody(
            row["person"],
            row["class"],
            row["school"],
            theirs.get(row["person"], link["guardian"]),
            row["person"] in theirs,
        )
        for name, row in rows.items()
    }


def sayings(who: Mapping[str, Somebody]) -> list[Said]:
    """Nothing, each person, each school and one that there is not, each purpose, and all at once."""
    schools = sorted({each.school for each in who.values()} | {NOWHERE})
    all_at_once = {
        "huiju.person": who["guardian"].person,
        "huiju.school": who["guardian"].school,
        "huiju.purpose": "import",
    }
    return [
        {},
        *({"huiju.person": each.person} for each in who.values()),
        {"huiju.person": str(uuid4())},
        *({"huiju.school": school} for school in schools),
        *({"huiju.purpose": purpose} for purpose in ("import", "consent", "seat", "export", "IMPORT")),
        all_at_once,
    ]


def answers(connect: Callable[[str], psycopg.Connection[Any]], found: Facts) -> Iterator[Answer]:
    """Everything asked of the database by each role; nothing is kept."""
    who = somebodies(found)
    for role in ROLES:
        with connect(role) as connection:
            for said, table in product(sayings(who), COLUMNS):
                yield from (
                    _rows(connection, role, said, table, each, found) for each in ("SELECT", "UPDATE", "DELETE")
                )
                yield from (_new(connection, role, said, table, each) for each in who.values())


def _rows(  # noqa: PLR0917
    connection: psycopg.Connection[Any], role: str, said: Said, table: str, statement: str, found: Facts
) -> Answer:
    columns = _columns(table)
    words = {
        "SELECT": f"SELECT {columns} FROM {table}",
        "UPDATE": f"UPDATE {table} SET {SETS[table]} RETURNING {columns}",
        "DELETE": f"DELETE FROM {table} RETURNING {columns}",
    }
    # A class that is still somebody's cannot go; whoever may delete classes may empty them.
    first = ["DELETE FROM enrolments"] if (statement, table, role) == ("DELETE", "classes", "roster_keeper") else []
    got = _ask(connection, said, [*first, words[statement]])
    wanted: object = DENIED
    if reference.allowed(role, table, statement):
        rows = reference.reached(role, said, table, found)
        wanted = {tuple(row[column] for column in COLUMNS[table]) for row in rows}
    return Answer(role, tuple(said.items()), statement, table, got, wanted, len(found[table]))


def _columns(table: str) -> str:
    """As text: Python has no date for what PostgreSQL calls infinite."""
    return ", ".join(f"{column}::text AS {column}" for column in COLUMNS[table])


def _new(connection: psycopg.Connection[Any], role: str, said: Said, table: str, whose: Somebody) -> Answer:
    values = {**whose._asdict(), "new": str(uuid4()), "class": whose.group}
    got = _ask(connection, said, [f"INSERT INTO {table} {NEW[table]} RETURNING '1'"], values)
    wanted: object = {("1",)} if reference.inserts(role, said, table) else DENIED
    if wanted != DENIED and table == "consents" and not whose.guarded:
        # Of somebody who is no guardian of theirs.
        wanted = LET_THROUGH
    return Answer(role, tuple(said.items()), "INSERT", table, got, wanted, 1)


def _ask(
    connection: psycopg.Connection[Any], said: Said, words: list[str], values: Mapping[str, str] | None = None
) -> object:
    """The rows of the last statement, or that it was denied; whatever was done is undone."""
    try:
        with connection.transaction(force_rollback=True):
            _say(connection, said)
            for each in words:
                cursor = connection.execute(each, values)
            return set(cursor.fetchall())
    except InsufficientPrivilege:
        return DENIED
    except ForeignKeyViolation:
        return LET_THROUGH


def _say(connection: psycopg.Connection[Any], said: Said) -> None:
    for name, value in said.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
