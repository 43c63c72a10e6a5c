"""Somebody whom the files of two schools name: what each may say of them, and whether they are one person; asked of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import UserError
from local import postgresql
from tests.ops.rosters import small
from tests.ops.rosters.test_importing import FIRST, PUPIL, SECOND, edit, everything, only, without
from tests.roster_server import HASHES, Server

MINE = f"WHERE person = '{HASHES.of(PUPIL)}'"
YOUNG, OLDER, GROWN = "2020-05-05", "2018-05-05", "2005-05-05"


@pytest.fixture
def first(folder: Path) -> Path:
    """The files of one school, whose pupil is young."""
    edit(only(folder, FIRST), "demographics", "sourcedId", PUPIL, birthDate=YOUNG)
    return folder


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The files of the other."""
    return only(small.written(tmp_path / "other"), SECOND)


def named(folder: Path, role: str, born: str | None = None, **cells: str) -> None:
    """The second school's files name the first one's pupil too."""
    org = next(row["sourcedId"] for row in small.read(folder, "orgs") if row["identifier"] == SECOND)
    more = {"sourcedId": "more", "userSourcedId": PUPIL, "roleType": "primary", "role": role, "orgSourcedId": org}
    added = {"users": {"sourcedId": PUPIL, "enabledUser": "true", **cells}, "roles": more}
    if born is not None:
        added["demographics"] = {"sourcedId": PUPIL, "birthDate": born}
    for file, row in added.items():
        rows = small.read(folder, file)
        small.write(folder, file, [*rows, {**dict.fromkeys(rows[0], ""), **row}])


def kept(server: Server) -> tuple[Any, ...]:
    """Whether the pupil may sign in, until when a guardian has a say, and by which age that was worked out."""
    words = f"SELECT enabled, minor_until::text, guarded_below FROM people WHERE id = '{HASHES.of(PUPIL)}'"
    (row,) = server.all(words)
    return row


def places(server: Server) -> list[str]:
    """Where the pupil is something."""
    return [place for (place,) in server.all(f"SELECT place FROM roles {MINE} ORDER BY 1")]


@pytest.mark.parametrize("born", [None, "", GROWN])
def test_a_guardian_has_a_say_whatever_a_school_says_where_the_pupil_is_a_relative(
    server: Server, first: Path, second: Path, born: str | None
) -> None:
    server.take(first)
    child = next(row["sourcedId"] for row in small.read(second, "users") if row["sourcedId"].startswith("s"))
    named(second, "relative", born, agentSourcedIds=child)
    server.take(second)
    assert places(server) == sorted([FIRST, SECOND])
    assert kept(server) == (True, "2034-06-01", 14)


def test_an_age_that_was_raised_is_not_taken_for_known_by_a_school_where_the_pupil_is_none(
    server: Server, first: Path, second: Path
) -> None:
    server.take(first)
    city = small.city()
    raised = city.model_copy(update={"minors": city.minors.model_copy(update={"guardian_consent_below": 16})})
    named(second, "relative", agentSourcedIds=f"s{SECOND}00000")
    server.take(second, city=raised)
    assert kept(server) == (True, "2034-06-01", 14)
    server.take(first, city=raised)
    assert kept(server) == (True, "2036-06-01", 16)


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize("born", [OLDER, GROWN])
def test_an_id_of_two_pupils_is_refused(server: Server, first: Path, second: Path, born: str, dry: bool) -> None:
    server.take(first)
    before = everything(server)
    named(second, "student", born)
    with pytest.raises(UserError, match="the roster has one problem") as refused:
        server.take(second, dry=dry, removals=True)
    said, line = str(refused.value), len(small.read(second, "users")) + 1
    assert f"users.csv:{line}:sourcedId: is the id of a pupil of {FIRST} too" in said
    assert PUPIL not in said
    assert born not in said
    assert everything(server) == before


@pytest.mark.parametrize("born", [YOUNG, "2020-05-31", "", None])
def test_a_pupil_of_two_schools_is_taken_where_no_register_contradicts_the_other(
    server: Server, first: Path, second: Path, born: str | None
) -> None:
    server.take(first)
    named(second, "student", born)
    server.take(second)
    assert places(server) == sorted([FIRST, SECOND])


def test_a_pupil_who_went_from_one_school_to_the_other_is_taken(server: Server, first: Path, second: Path) -> None:
    edit(first, "roles", "userSourcedId", PUPIL, endDate="2026-11-23")
    server.take(first)
    named(second, "student", OLDER)
    server.take(second)
    assert kept(server) == (True, "2032-06-01", 14)


def test_a_day_that_is_over_contradicts_nobody(server: Server, first: Path, second: Path) -> None:
    server.take(first)
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("UPDATE people SET minor_until = %s", (small.TODAY,))
    named(second, "student", GROWN)
    server.take(second)
    assert kept(server) == (True, None, 14)


def test_a_date_that_was_wrong_is_mended_by_the_file_that_speaks_for_the_pupil(
    server: Server, first: Path, second: Path
) -> None:
    server.take(first)
    edit(first, "demographics", "sourcedId", PUPIL, birthDate=OLDER)
    server.take(first)
    named(second, "student", OLDER)
    server.take(second)
    # Both registers mend it now: neither file can be taken in before the other, and the way that the message names leads out.
    for folder in (first, second):
        edit(folder, "demographics", "sourcedId", PUPIL, birthDate=YOUNG)
    with pytest.raises(UserError, match="born in another month"):
        server.take(first)
    without(first, PUPIL)
    server.take(first, removals=True)
    server.take(second)
    assert (places(server), kept(server)) == ([SECOND], (True, "2034-06-01", 14))


def test_a_role_at_a_school_that_the_city_has_no_more_keeps_nobody(server: Server, first: Path, second: Path) -> None:
    server.take(first)
    city = small.city()
    rest = city.model_copy(update={"schools": tuple(each for each in city.schools if each.code == SECOND)})
    server.take(second, city=rest)
    assert places(server) == [FIRST], "whom no file names stays as they are"
    named(second, "student", YOUNG)
    server.take(second, city=rest)
    assert places(server) == [SECOND]
    without(second, PUPIL)
    server.take(second, city=rest, removals=True)
    assert (places(server), kept(server)) == ([], (False, None, 14))


def test_who_left_the_school_that_they_went_to_is_switched_off_also_where_an_earlier_kit_kept_the_old_role(
    server: Server, first: Path, second: Path
) -> None:
    server.take(first)
    named(second, "student", YOUNG)
    server.take(second)
    assert places(server) == sorted([FIRST, SECOND])
    city = small.city()
    rest = city.model_copy(update={"schools": tuple(each for each in city.schools if each.code == SECOND)})
    without(second, PUPIL)
    server.take(second, city=rest, removals=True)
    assert (places(server), kept(server)) == ([], (False, None, 14))
