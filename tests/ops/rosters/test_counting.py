"""People of a roster are counted once each, as they are today; asked of a real PostgreSQL and held against the files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import ReadOnlySqlTransaction
from typer.testing import CliRunner

from catalog.access import Scope
from catalog.errors import UserError
from derive import grants
from local import postgresql
from ops import access
from ops.accesses import states
from ops.accesses.difference import changes
from ops.rosters import counting, importing
from ops.rosters.counting import Group
from tests.ops.rosters import small
from tests.roster_server import KEEPER, Server

FIRST, SECOND = (school.code for school in small.city().schools)
TEACHERS, PUPILS = Group(("teacher",)), Group(("student",))


def counted(server: Server, *groups: Group) -> list[int]:
    found = counting.count(lambda: server.connect(KEEPER), groups, small.TODAY)
    return [found[each] for each in groups]


def in_files(folder: Path, roles: Iterable[str], *orgs: str) -> int:
    """People of the files with one of these roles, at one of these schools."""
    rows = small.read(folder, "roles")
    return len({row["userSourcedId"] for row in rows if row["role"] in roles and row["orgSourcedId"] in orgs})


def test_everybody_of_a_group_is_counted_once(server: Server, folder: Path) -> None:
    rows = small.read(folder, "roles")
    both = next(row for row in rows if row["role"] == "teacher")
    other = SECOND if both["orgSourcedId"] == FIRST else FIRST
    again = {**both, "sourcedId": "again", "orgSourcedId": other, "roleType": "secondary"}
    small.write(folder, "roles", [*rows, again])
    server.take(folder)
    at_first, at_second = (in_files(folder, ["teacher"], code) for code in (FIRST, SECOND))
    wanted = [at_first, at_second, at_first + at_second - 1, in_files(folder, ["student"], FIRST, SECOND)]
    groups = (Group(("teacher",), (FIRST,)), Group(("teacher",), (SECOND,)), TEACHERS, PUPILS)
    assert counted(server, *groups) == wanted
    assert counted(server, Group(("student", "teacher")), Group(("operator",)), Group(("student",), ())) == [
        wanted[2] + wanted[3], 0, 0
    ]  # fmt: skip


def test_who_is_switched_off_or_no_longer_there_is_not_counted(server: Server, folder: Path) -> None:
    server.take(folder)
    (before,) = counted(server, PUPILS)
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        off, gone = connection.execute("SELECT person FROM roles WHERE tier = 'student' LIMIT 2").fetchall()
        connection.execute("UPDATE people SET enabled = false WHERE id = %s", off)
        connection.execute("UPDATE roles SET ends = %s - 1 WHERE person = %s", (small.TODAY, *gone))
    assert counted(server, PUPILS) == [before - 2]


def test_a_school_that_moves_to_another_district_is_about_who_works_for_either(server: Server, folder: Path) -> None:
    """They stand in the roster at their office and at no school."""
    server.take(folder)
    old = small.city()
    moved, elsewhere = old.schools[0], next(each for each in old.districts if each.id != old.schools[0].district)
    schools = (moved.model_copy(update={"district": elsewhere.id}), *old.schools[1:])
    reaching = {cell.tier for cell in grants.cells(old) if Scope.DISTRICT in cell.scopes}
    assert "district-staff" in reaching
    groups = [
        each.whom for each in changes(old, old.model_copy(update={"schools": schools})) if each.section == "schools"
    ]
    offices = {each.division_code for each in old.districts}
    at_offices = server.all("SELECT place FROM roles WHERE tier = 'district-staff'")
    assert at_offices
    for whom in groups:
        assert whom
        there = [place for (place,) in at_offices if place in (whom.schools or ())]
        staff = Group(("district-staff",), whom.schools)
        assert counted(server, staff) == [len(there)] and there and set(there) <= offices


def test_counting_cannot_write(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_COUNT", "DELETE FROM roles RETURNING 1")
    with pytest.raises(ReadOnlySqlTransaction):
        counted(server, PUPILS)


def test_a_database_without_tables_says_what_to_do() -> None:
    def connect() -> psycopg.Connection:
        raise psycopg.errors.UndefinedTable

    with pytest.raises(UserError, match=r"huiju up") as refused:
        counting.count(connect, [PUPILS], small.TODAY)
    assert str(refused.value) == importing.NO_TABLES


def test_a_difference_says_how_many_people_it_is_about(
    server: Server, folder: Path, stack: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.take(folder)
    city = small.city()
    grants = city.resources[0].grants
    # A class of resources that only a teacher may use any more.
    mine = city.resources[0].model_copy(update={"grants": (grants[0].model_copy(update={"tiers": ("teacher",)}),)})
    other = city.model_copy(update={"resources": (mine, *city.resources[1:])})
    monkeypatch.setattr(states, "state", lambda name, _: {"old": city, "new": other}[name])
    monkeypatch.setattr(access, "load_named", lambda _: city)
    monkeypatch.setattr(access, "today", lambda _: small.TODAY)
    shown = CliRunner().invoke(access.app, ["diff", "old", "new", "--people", "local"], env={"COLUMNS": "300"})
    assert shown.exit_code == 0, shown.output
    pupils = in_files(folder, ["student"], FIRST, SECOND)
    lost = [line for line in shown.output.splitlines() if line.startswith("- rights: Student:")]
    assert lost and all(line.endswith(f"; {pupils} people") for line in lost), shown.output
    silent = CliRunner().invoke(access.app, ["diff", "old", "new"], env={"COLUMNS": "300"})
    assert "people\n" not in silent.output and len(silent.output.splitlines()) == len(shown.output.splitlines())
