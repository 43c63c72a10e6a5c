"""A register makes nobody an official of a place that is not its own; asked of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from catalog.access import Scope
from catalog.roster import RosterRole
from tests.ops.rosters import small
from tests.ops.rosters.test_importing import FIRST, TEACHER, edit
from tests.roster_server import Server


def test_a_school_makes_nobody_an_official_of_the_district(server: Server, folder: Path) -> None:
    edit(folder, "roles", "userSourcedId", TEACHER, role="districtAdministrator")
    edit(folder, "enrollments", "userSourcedId", TEACHER, role="administrator")
    server.take(folder)
    words = "SELECT place, tier IS NULL FROM roles WHERE role = 'districtAdministrator'"
    assert {row for row in server.all(words) if len(row[0]) == 10} == {(FIRST, True)}
    assert {row[1] for row in server.all(words) if len(row[0]) != 10} == {False}


def test_a_district_makes_nobody_an_official_of_the_city(server: Server, folder: Path) -> None:
    city = small.city()
    official = next(each for each in city.tiers if each.scope is Scope.CITY)
    named = official.model_copy(update={"roster_roles": (RosterRole.SYSTEM_ADMINISTRATOR,)})
    tiers = tuple(named if each.id == official.id else each for each in city.tiers)
    officer = next(row for row in small.read(folder, "roles") if row["role"] == "districtAdministrator")
    edit(folder, "roles", "userSourcedId", officer["userSourcedId"], role="systemAdministrator")
    orgs = small.read(folder, "orgs")
    at_city = next(row["sourcedId"] for row in orgs if row["identifier"] == city.division_code)
    more = {**officer, "sourcedId": "more", "role": "systemAdministrator", "orgSourcedId": at_city}
    small.write(folder, "roles", [*small.read(folder, "roles"), more])
    server.take(folder, city=city.model_copy(update={"tiers": tiers}))
    found = server.all("SELECT place, tier FROM roles WHERE role = 'systemAdministrator'")
    assert {place for place, tier in found if tier} == {city.division_code}
    assert len(found) > 1
