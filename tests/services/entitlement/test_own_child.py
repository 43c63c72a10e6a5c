"""Everybody of a roster asks for everybody: the compiled matrix of a city over a real PostgreSQL, against the register's own files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog import City
from catalog.access import Scope
from local import postgresql
from policies.access import document
from services.entitlement import app
from services.entitlement.desk import Desk
from services.entitlement.people import Identity, Reader, identity
from tests.ops.rosters import small
from tests.roster_server import DATABASE, HASHES, READER, Server
from tests.services.entitlement.conftest import Live, token

CITY = small.city()


@dataclass(frozen=True)
class Places:
    """Of the city, by its facts."""

    schools: Mapping[str, Any] = field(default_factory=lambda: CITY.by_code)
    offices: Mapping[str, str] = field(default_factory=lambda: {each.division_code: each.id for each in CITY.districts})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two schools, in each of which every second pupil is old enough to need no guardian's consent."""
    path = small.written(tmp_path_factory.mktemp("roster") / "files")
    rows = small.read(path, "demographics")
    small.write(
        path, "demographics", [{**row, "birthDate": f"{2010 + 6 * (n % 2)}-01-01"} for n, row in enumerate(rows)]
    )
    return path


def _young(folder: Path) -> list[str]:
    """Pupils about whom a guardian has a say."""
    rows = [row["sourcedId"] for row in small.read(folder, "demographics") if row["birthDate"].startswith("2016")]
    return sorted(each for each in rows if each.startswith("s"))


def _agree(folder: Path, server: Server, pupils: list[str]) -> None:
    """A guardian of each of them agrees."""
    parents = {
        child: row["sourcedId"] for row in small.read(folder, "users") for child in row["agentSourcedIds"].split(",")
    }
    words = (
        "INSERT INTO consents (pupil, guardian, roles, begins, recorded_by) VALUES (%s, %s, '{parent}', %s, 'a test')"
    )
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        for each in pupils:
            connection.execute(words, (HASHES.of(each), HASHES.of(parents[each]), date(2026, 9, 1)))


def _reaches(folder: Path, agreed: list[str]) -> dict[str, set[str]]:
    """Person of the register -> whom they are to see, by the files alone."""
    users, enrolled = small.read(folder, "users"), small.read(folder, "enrollments")
    old = {row["sourcedId"] for row in small.read(folder, "demographics") if row["birthDate"].startswith("2010")}
    open_to_teachers = old | set(agreed)
    pupils = {row["userSourcedId"] for row in enrolled if row["role"] == "student"}
    classes: dict[str, set[str]] = {}
    for row in enrolled:
        classes.setdefault(row["classSourcedId"], set()).add(row["userSourcedId"])
    found = {row["sourcedId"]: set(row["agentSourcedIds"].split(",")) - {""} for row in users}
    for one in found:
        found[one] |= {one} & pupils
        if one not in pupils:
            found[one] |= {
                each for group in classes.values() if one in group for each in group & pupils & open_to_teachers
            }
    return found


@pytest.mark.proof
def test_everybody_sees_exactly_whom_the_register_says(
    desk: Desk, server: Server, folder: Path, proof: Callable[[str, str], None]
) -> None:
    desk.settings = replace(desk.settings, standing=Live(document.document(CITY)))
    desk.people = reader = Reader(host=server.host, user=READER, dbname=DATABASE)
    client = TestClient(app.make(desk), base_url="https://city.example")
    agreed = _young(folder)[::2]
    assert 0 < len(agreed) < len(_young(folder))
    _agree(folder, server, agreed)
    wanted, asked = _reaches(folder, agreed), 0
    for one, reach in wanted.items():
        me = str(HASHES.of(one))
        said: Identity = identity(reader.find(me), small.TODAY, Places())
        session = {"Authorization": f"Bearer {token(said.tier, said.school, district=said.district, person=me)}"}
        for other in wanted:
            answer = client.get(f"/access/people/{HASHES.of(other)}", headers=session)
            assert answer.status_code == (200 if other in reach else 403), (one, other, answer.text)
            asked += 1
    parents = {one for one in wanted if one.startswith("p")}
    assert parents and all(wanted[one] for one in parents), "every parent has somebody to see"
    assert any(len(wanted[one]) > 1 for one in wanted if one.startswith("t")), "and teachers have"
    counted = (
        f"{asked} questions of {len(wanted)} people about each other, {len(parents)} of them parents: 0 mismatches"
    )
    print(counted)
    proof("access: everybody of a roster asks for everybody, row-level security behind the matrix", counted)


def test_a_raised_age_counts_at_once_also_for_who_is_in_the_roster(desk: Desk, server: Server, folder: Path) -> None:
    """Of their birth dates nothing is kept by which it could be worked out anew."""
    raised = CITY.model_copy(update={"minors": CITY.minors.model_copy(update={"guardian_consent_below": 18})})
    desk.people = Reader(host=server.host, user=READER, dbname=DATABASE)
    client = TestClient(app.make(desk), base_url="https://city.example")
    enrolled = small.read(folder, "enrollments")
    grown = {row["sourcedId"] for row in small.read(folder, "demographics") if row["birthDate"].startswith("2010")}
    taught = next(row for row in enrolled if row["role"] == "student" and row["userSourcedId"] in grown)
    teacher = next(
        row["userSourcedId"]
        for row in enrolled
        if row["role"] == "teacher" and row["classSourcedId"] == taught["classSourcedId"]
    )
    session = token("teacher", taught["schoolSourcedId"], person=str(HASHES.of(teacher)))

    def seen(city: City) -> tuple[int, str | None]:
        desk.settings = replace(desk.settings, standing=Live(document.document(city)))
        path = f"/access/people/{HASHES.of(taught['userSourcedId'])}"
        answer = client.get(path, headers={"Authorization": f"Bearer {session}"})
        return answer.status_code, answer.json().get("reason")

    assert seen(CITY) == (200, None)
    assert seen(raised) == (403, "consent-needed"), "before a roster was taken in by it"
    server.take(folder, city=raised)
    try:
        assert seen(raised) == (403, "consent-needed"), "they are below it"
        _agree(folder, server, [taught["userSourcedId"]])
        assert seen(raised) == (200, None)
    finally:
        server.take(folder)
    assert seen(CITY) == (200, None)


def test_an_officer_of_a_district_has_a_tier_and_that_district_and_no_school(server: Server, folder: Path) -> None:
    officer = next(row["sourcedId"] for row in small.read(folder, "users") if row["sourcedId"].startswith("a"))
    reader = Reader(host=server.host, user=READER, dbname=DATABASE)
    found = identity(reader.find(str(HASHES.of(officer))), small.TODAY, Places())
    assert found.school is None
    assert officer == f"a{next(each.division_code for each in CITY.districts if each.id == found.district)}"
    assert next(each for each in CITY.tiers if each.id == found.tier).scope is Scope.DISTRICT
