"""A person of the roster, read from a real PostgreSQL as the role that sees one at a time; and who that is today."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from local import postgresql
from services.entitlement import people
from services.entitlement.people import (
    Consent,
    Enrolment,
    Found,
    Identity,
    PersonError,
    Reader,
    Role,
    Seat,
    identities,
    identity,
)
from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import DATABASE, HASHES, READER, Server

TODAY = small.TODAY
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Places:
    """A city of one school and one district."""

    schools: Mapping[str, Any]
    offices: Mapping[str, str]


PLACES = Places({"s": {}}, {"an office": "east"})
AGE = small.city().minors.guardian_consent_below
BY = tuple(str(each) for each in small.city().minors.guardian_consent_by)
CODES = [school.code for school in small.city().schools]
PARENT, PUPIL, TEACHER = f"p{CODES[0]}00000", f"s{CODES[0]}00000", f"t{CODES[0]}0000"


@pytest.fixture
def reader(server: Server) -> Reader:
    return Reader(host=server.host, user=READER, dbname=DATABASE)


def of(reader: Reader, register: str) -> Found:
    found = reader.find(str(HASHES.of(register)))
    assert found
    return found


def children(folder: Path, parent: str) -> set[str]:
    (row,) = [each for each in small.read(folder, "users") if each["sourcedId"] == parent]
    return set(row["agentSourcedIds"].split(","))


def test_a_pupil_has_a_role_a_class_and_a_guardian_with_a_say(reader: Reader, folder: Path) -> None:
    found = of(reader, PUPIL)
    (role,) = found.roles
    (row,) = [each for each in small.read(folder, "enrollments") if each["userSourcedId"] == PUPIL]
    assert (found.enabled, role.place, role.main, found.children) == (True, CODES[0], True, ())
    assert [(each.group, each.school) for each in found.classes(TODAY)] == [(row["classSourcedId"], CODES[0])]
    assert found.guarded(TODAY, AGE), "the first class of a primary school"


def test_a_parent_has_exactly_their_own_children(reader: Reader, folder: Path) -> None:
    found = of(reader, PARENT)
    assert {each.id for each in found.children} == {str(HASHES.of(each)) for each in children(folder, PARENT)}
    assert all(each.classes(TODAY) and each.children == () for each in found.children)
    assert found.classes(TODAY) == ()


def test_nobody_is_found_under_an_id_that_is_none_or_nobody_s(reader: Reader) -> None:
    for person in (str(uuid4()), "", "'; DROP TABLE people; --", PUPIL, "0" * 31):
        assert reader.find(person) is None


def test_an_id_is_known_however_it_is_written(reader: Reader) -> None:
    assert reader.find(HASHES.of(PUPIL).hex.upper()) == of(reader, PUPIL)


def test_many_at_once_see_each_their_own(reader: Reader, folder: Path) -> None:
    everybody = [each["sourcedId"] for each in small.read(folder, "users")] * 3
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda each: of(reader, each).id, everybody))
    assert found == [str(HASHES.of(each)) for each in everybody]


def test_a_connection_that_broke_is_made_again(reader: Reader, server: Server) -> None:
    before = of(reader, PUPIL)
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        words = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
        assert connection.execute(words, (READER,)).fetchall()
    assert of(reader, PUPIL) == before


def test_what_a_reader_asks_it_asks_within_its_rights(server: Server) -> None:
    other = Reader(host=server.host, user=roster_server.SCHOOL, dbname=DATABASE)
    # Another role names schools, not people, and has no right to consents at all.
    with pytest.raises(PersonError, match=people.UNREADABLE):
        other.find(str(HASHES.of(PUPIL)))


def test_without_a_database_nobody_is_anybody_and_the_log_names_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away, person = Reader(host=str(tmp_path), user=READER, dbname=DATABASE), str(HASHES.of(PUPIL))
    with caplog.at_level(logging.ERROR), pytest.raises(PersonError, match="roster-unreadable"):
        away.find(person)
    assert "OperationalError" in caplog.text
    assert person not in caplog.text


def test_a_table_that_is_held_is_not_waited_for_for_ever(
    reader: Reader, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = Reader(host=server.host, user=READER, dbname=DATABASE, options="-c statement_timeout=100")
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("LOCK TABLE roles IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(PersonError, match="roster-unreadable"):
            hurried.find(str(HASHES.of(PUPIL)))
    assert hurried.find(str(HASHES.of(PUPIL))) == of(reader, PUPIL)
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.05)
    for _ in range(people.LINES):
        hurried._lines.get()
    with pytest.raises(PersonError, match="roster-unreadable"):
        hurried.find(str(HASHES.of(PUPIL)))


def role(tier: str | None = "a", place: str = "s", *, main: bool = True, **span: date) -> Role:
    return Role(span.get("begins"), span.get("ends"), place, tier, main)


def somebody(*roles: Role, enabled: bool = True) -> Found:
    return Found("x", enabled, None, roles, ())


@pytest.mark.parametrize(
    ("roles", "tier", "school", "district"),
    [
        ((role(),), "a", "s", None),
        ((role(place="an office"),), "a", None, "east"),
        ((role(place="the city's"),), "a", None, None),
        ((role("a"), role("b", "an office", main=False)), "a", "s", None),
        ((role(None), role("b", main=False)), "b", "s", None),
        ((role("a", ends=TODAY - DAY), role("b", "an office", main=False)), "b", None, "east"),
        ((role("a", begins=TODAY, ends=TODAY),), "a", "s", None),
    ],
)
def test_the_first_role_that_counts_today_says_tier_and_school_or_district(
    roles: tuple[Role, ...], tier: str, school: str | None, district: str | None
) -> None:
    assert identity(somebody(*roles), TODAY, PLACES) == Identity(tier, school, district)


def test_what_somebody_is_in_all_is_told_once_and_in_the_order_of_their_roles() -> None:
    found = somebody(
        *(role(), role("b", "an office"), role("a", "gone"), role("a", "gone too")),
        *(role(main=False), role(None), role("c", ends=TODAY - DAY), role("a", "an office")),
    )
    assert identities(found, TODAY, PLACES) == (
        *(Identity("a", "s"), Identity("b", None, "east")),
        *(Identity("a", None), Identity("a", None, "east")),
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "person-unknown"),
        (somebody(role(), enabled=False), "person-left"),
        (somebody(), "person-without-role"),
        (somebody(role(None)), "person-without-role"),
        (somebody(role(begins=TODAY + DAY)), "person-without-role"),
        (somebody(role(ends=TODAY - DAY)), "person-without-role"),
    ],
)
def test_who_is_nobody_today_is_told_why(found: Found | None, reason: str) -> None:
    with pytest.raises(PersonError, match=f"^{reason}$"):
        identity(found, TODAY, PLACES)


def test_classes_end_with_their_last_day_and_a_guardian_s_say_before_its_day() -> None:
    classes = (Enrolment(TODAY, TODAY, "c", "s"),)
    found = replace(somebody(), enrolments=classes, guarded_until=TODAY + DAY, guarded_below=AGE)
    assert [len(found.classes(TODAY + each * DAY)) for each in (-1, 0, 1)] == [0, 1, 0]
    assert [found.guarded(TODAY + each * DAY, AGE) for each in (0, 1)] == [True, False]
    assert not replace(found, guarded_until=None).guarded(TODAY, AGE)


def test_who_was_read_by_a_smaller_age_is_guarded_and_who_was_by_a_greater_as_they_were_read() -> None:
    found = replace(somebody(), guarded_until=None, guarded_below=AGE)
    assert [found.guarded(TODAY, AGE + more) for more in (-1, 0, 1)] == [False, False, True]
    assert replace(found, guarded_until=TODAY + DAY).guarded(TODAY, AGE - 1)


@pytest.mark.parametrize(
    ("consents", "agreed"),
    [
        ((), [False, False, False]),
        ((Consent(TODAY, None, BY[:1]),), [False, True, True]),
        ((Consent(TODAY, TODAY, BY),), [False, True, False]),
        ((Consent(TODAY - DAY, TODAY - DAY, BY[1:]), Consent(TODAY + DAY, None, BY[1:])), [True, False, True]),
        ((Consent(TODAY, None, ()),), [False, False, False]),
        ((Consent(TODAY, None, ("relative",)),), [False, False, False]),
        ((Consent(TODAY, None, (*BY, "relative")),), [False, False, False]),
        ((Consent(TODAY, None, ("relative",)), Consent(TODAY, TODAY, BY)), [False, True, False]),
    ],
)
def test_a_guardian_agrees_from_the_first_to_the_last_day(consents: tuple[Consent, ...], agreed: list[bool]) -> None:
    found = replace(somebody(), guarded_until=date.max, guarded_below=AGE, consents=consents)
    assert [found.agreed(TODAY + each * DAY, AGE, BY) for each in (-1, 0, 1)] == agreed
    assert all(replace(found, guarded_until=None).agreed(TODAY + each * DAY, AGE, BY) for each in (-1, 0, 1))


def test_consents_are_read_with_the_pupil_and_with_their_parent_and_withdrawn_ones_are_not(
    server: Server, reader: Reader
) -> None:
    words = "INSERT INTO consents (pupil, guardian, roles, begins, ends, recorded_by, withdrawn_at, withdrawn_by) "
    words += "VALUES (%s, %s, '{parent}', %s, %s, 'a test', %s, %s)"
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        for ends, withdrawn in (("infinity", None), (TODAY, None), (TODAY, TODAY)):
            by = "a test" if withdrawn else None
            connection.execute(words, (HASHES.of(PUPIL), HASHES.of(PARENT), TODAY, ends, withdrawn, by))
    try:
        given = (Consent(TODAY, None, BY[:1]), Consent(TODAY, TODAY, BY[:1]))
        assert of(reader, PUPIL).consents == given
        found = {each.id: each.consents for each in of(reader, PARENT).children}
        assert found.pop(str(HASHES.of(PUPIL))) == given
        assert set(found.values()) == {()}
    finally:
        with server.connect(postgresql.ADMINISTRATOR) as connection:
            connection.execute("DELETE FROM consents")


def test_a_guardian_who_is_switched_off_in_the_register_agrees_no_more(
    server: Server, reader: Reader, folder: Path, tmp_path: Path
) -> None:
    words = (
        "INSERT INTO consents (pupil, guardian, roles, begins, recorded_by) VALUES (%s, %s, '{parent}', %s, 'a test')"
    )
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute(words, (HASHES.of(PUPIL), HASHES.of(PARENT), TODAY))
    assert of(reader, PUPIL).guarded(TODAY, AGE) and of(reader, PUPIL).agreed(TODAY, AGE, BY)
    changed = Path(copytree(folder, tmp_path / "changed"))
    rows = small.read(changed, "users")
    small.write(changed, "users", ({**row, "enabledUser": str(row["sourcedId"] != PARENT).lower()} for row in rows))
    server.take(changed)
    try:
        assert of(reader, PUPIL).guarded(TODAY, AGE) and not of(reader, PUPIL).agreed(TODAY, AGE, BY)
    finally:
        server.take(folder)
    assert not of(reader, PUPIL).agreed(TODAY, AGE, BY), "who is back agrees anew"
    assert of(reader, PARENT).children


def test_seats_are_read_with_their_person_without_withdrawn_ones_and_without_the_children_s(
    server: Server, reader: Reader
) -> None:
    words = "INSERT INTO seats (licence, person, begins, ends, given_by, withdrawn_at, withdrawn_by) "
    words += "VALUES (%s, %s, %s, %s, 'a test', %s, %s)"
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        for who, licence, ends, withdrawn in (
            (PARENT, "b", TODAY, None),
            (PARENT, "a", "infinity", None),
            (PARENT, "c", "infinity", TODAY),
            (PUPIL, "d", "infinity", None),
        ):
            by = "a test" if withdrawn else None
            connection.execute(words, (licence, HASHES.of(who), TODAY, ends, withdrawn, by))
    try:
        found = of(reader, PARENT)
        assert found.seats == (Seat(TODAY, None, "a"), Seat(TODAY, TODAY, "b"))
        assert {each.seats for each in found.children} == {()}
        assert of(reader, PUPIL).seats == (Seat(TODAY, None, "d"),)
        assert [len(found.seated(TODAY + each * DAY)) for each in (-1, 0, 1)] == [0, 2, 1]
    finally:
        with server.connect(postgresql.ADMINISTRATOR) as connection:
            connection.execute("DELETE FROM seats")


def test_a_class_that_is_over_is_over_for_who_is_in_it(server: Server, reader: Reader) -> None:
    (group,) = {each.group for each in of(reader, PUPIL).enrolments}
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        (before,) = connection.execute("SELECT ends FROM classes WHERE id = %s", (group,)).fetchone() or ()
        connection.execute("UPDATE classes SET ends = %s WHERE id = %s", (TODAY - DAY, group))
    try:
        assert of(reader, PUPIL).classes(TODAY) == ()
    finally:
        with server.connect(postgresql.ADMINISTRATOR) as connection:
            connection.execute("UPDATE classes SET ends = %s WHERE id = %s", (before, group))


def test_a_class_that_another_school_has_by_the_same_id_is_not_theirs(server: Server, reader: Reader) -> None:
    (group,) = {each.group for each in of(reader, PUPIL).enrolments}
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("UPDATE classes SET school = %s WHERE id = %s", (CODES[1], group))
    try:
        assert of(reader, PUPIL).enrolments == ()
    finally:
        with server.connect(postgresql.ADMINISTRATOR) as connection:
            connection.execute("UPDATE classes SET school = %s WHERE id = %s", (CODES[0], group))
    assert of(reader, PUPIL).enrolments


def test_a_roster_without_bounds_is_read(server: Server, reader: Reader) -> None:
    person = uuid4()
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("INSERT INTO people (id, enabled, minor_until) VALUES (%s, true, 'infinity')", (person,))
        words = "INSERT INTO roles (person, place, role, tier, main) VALUES (%s, %s, 'r', 't', true)"
        connection.execute(words, (person, CODES[0]))
    found = reader.find(str(person))
    assert found and found.roles == (Role(None, None, CODES[0], "t", True),)
    assert found.guarded(date(2400, 1, 1), AGE), "an age that is not known counts as below"


def test_the_reader_writes_nothing(reader: Reader) -> None:
    of(reader, TEACHER)
    connection = reader._lines.queue[-1]._connection
    assert connection
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), connection.transaction():
        connection.execute("CREATE TABLE mine (a int)")
