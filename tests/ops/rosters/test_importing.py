"""A roster is taken in whole or not at all, once, and by one at a time; asked of a real PostgreSQL."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation

from catalog.errors import UserError
from derive.pseudonym import Pseudonyms
from local import postgresql
from ops.rosters import difference, importing
from ops.rosters.checking import Checked, check
from ops.rosters.importing import Outcome
from tests.architecture.sources import ROOT
from tests.ops.rosters import small
from tests.roster_server import HASHES, IMPORTING, KEEPER, Server

FIRST, SECOND = (school.code for school in small.city().schools)
PUPIL, PARENT, TEACHER = f"s{FIRST}00000", f"p{FIRST}00000", f"t{FIRST}0002"
OTHER_PUPIL, OTHER_PARENT = f"s{FIRST}00002", f"p{FIRST}00001"
EVERYTHING = (
    "SELECT id, enabled, minor_until::text, left_at IS NULL FROM people ORDER BY 1",
    "SELECT person, place, role, tier, main, begins::text, ends::text FROM roles ORDER BY 1, 2, 3, 6",
    "SELECT id, school, begins::text, ends::text FROM classes ORDER BY 1",
    "SELECT person, class, role, school, begins::text, ends::text FROM enrolments ORDER BY 1, 2, 3, 5",
    "SELECT guardian, child, roles FROM guardians ORDER BY 1, 2",
)


def everything(server: Server) -> list[object]:
    """All that is there, when it came apart."""
    return [server.all(words) for words in EVERYTHING]


def counts(done: Outcome) -> tuple[int, int, int]:
    """People added, changed and removed."""
    assert done.difference is not None
    added, changed, removed = done.difference.counts().values()
    return added, changed, removed


def without(folder: Path, user: str) -> None:
    """Take a user out of every file."""
    for file, column in (
        ("users", "sourcedId"),
        ("roles", "userSourcedId"),
        ("enrollments", "userSourcedId"),
        ("demographics", "sourcedId"),
    ):
        small.write(folder, file, [row for row in small.read(folder, file) if row[column] != user])
    rows = small.read(folder, "users")
    for row in rows:
        row["agentSourcedIds"] = ",".join(each for each in row["agentSourcedIds"].split(",") if each != user)
    small.write(folder, "users", rows)


def edit(folder: Path, file: str, column: str, value: str, **cells: str) -> None:
    """Change cells of the rows whose ``column`` is ``value``."""
    rows = small.read(folder, file)
    small.write(folder, file, ({**row, **cells} if row[column] == value else row for row in rows))


def only(folder: Path, school: str) -> Path:
    """The files of one of the two schools alone."""
    gone = {FIRST, SECOND} - {school}
    for row in small.read(folder, "users"):
        if any(code in row["sourcedId"] for code in gone):
            without(folder, row["sourcedId"])
    for file, column in (("orgs", "sourcedId"), ("courses", "orgSourcedId"), ("classes", "schoolSourcedId")):
        small.write(folder, file, [row for row in small.read(folder, file) if row[column] not in gone])
    return folder


def test_everybody_of_the_files_is_in_and_nothing_that_names_them(server: Server, folder: Path) -> None:
    done = server.take(folder)
    people = small.read(folder, "users")
    assert counts(done) == (len(people), 0, 0)
    assert {row[0] for row in server.all("SELECT id FROM people")} == {HASHES.of(row["sourcedId"]) for row in people}
    assert len(server.all("SELECT FROM enrolments")) == len(small.read(folder, "enrollments"))
    assert len(server.all("SELECT FROM guardians")) == sum(
        len(row["agentSourcedIds"].split(",")) for row in people if row["agentSourcedIds"]
    )
    held = repr(
        [server.all(f"SELECT t::text FROM {table} t") for table in ("people", "roles", "enrolments", "guardians")]
    )
    named = {row[column] for row in people for column in ("sourcedId", "givenName", "familyName", "username")}
    assert not {name for name in named if len(name) > 1 and name in held}


def test_roles_become_the_tiers_that_the_catalog_names(server: Server, folder: Path) -> None:
    server.take(folder)
    found = dict(server.all("SELECT DISTINCT role, tier FROM roles"))
    wanted = {role.value: tier.id for tier in small.city().tiers for role in tier.roster_roles}
    assert found == {role: wanted.get(role) for role in found}
    assert len(set(found.values())) > 3


def test_the_same_roster_again_is_nothing_to_do(server: Server, folder: Path) -> None:
    server.take(folder)
    before = everything(server)
    again = server.take(folder)
    assert (again.difference, again.written) == (None, False)
    assert again.at is not None
    assert everything(server) == before
    assert server.all("SELECT count(*) FROM imports") == [(1,)]


def test_a_roster_from_before_ages_were_kept_is_taken_in_once_more_and_nobody_differs(
    server: Server, folder: Path
) -> None:
    server.take(folder)
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("UPDATE people SET guarded_below = 0")
    assert counts(server.take(folder)) == (0, 0, 0)
    age = small.city().minors.guardian_consent_below
    assert server.all("SELECT DISTINCT guarded_below FROM people") == [(age,)]
    assert server.take(folder).difference is None, "and not again"


def test_another_catalog_or_other_bytes_are_looked_at_and_found_the_same(server: Server, folder: Path) -> None:
    server.take(folder)
    city = small.city()
    assert counts(server.take(folder, city=city.model_copy(update={"source": "Elsewhere."}))) == (0, 0, 0)
    small.write(folder, "users", reversed(small.read(folder, "users")))
    assert counts(server.take(folder)) == (0, 0, 0)


def test_a_roster_that_came_before_another_one_is_taken_in_again(server: Server, folder: Path) -> None:
    server.take(folder)
    before = everything(server)
    edit(folder, "users", "sourcedId", PUPIL, enabledUser="false")
    assert counts(server.take(folder)) == (0, 1, 0)
    edit(folder, "users", "sourcedId", PUPIL, enabledUser="true")
    assert counts(server.take(folder)) == (0, 1, 0)
    assert everything(server) == before


@pytest.mark.parametrize(
    ("edited", "cells", "changed"),
    [
        (("users", "sourcedId", PUPIL), {"enabledUser": "false"}, 1),
        (("demographics", "sourcedId", PUPIL), {"birthDate": "2015-01-31"}, 1),
        (("roles", "userSourcedId", PUPIL), {"endDate": "2027-01-01"}, 1),
        (("roles", "userSourcedId", TEACHER), {"role": "siteAdministrator"}, 1),
        (("enrollments", "userSourcedId", PUPIL), {"classSourcedId": f"{FIRST}-c001"}, 1),
        (("enrollments", "userSourcedId", PUPIL), {"beginDate": "2026-10-01"}, 1),
        (("users", "sourcedId", PARENT), {"agentSourcedIds": PUPIL}, 2),
        (("users", "sourcedId", PARENT), {"enabledUser": "false"}, 3),
    ],
)
def test_each_change_of_a_person_is_seen_and_is_all_that_changes(
    server: Server, folder: Path, edited: tuple[str, str, str], cells: dict[str, str], changed: int
) -> None:
    server.take(folder)
    before = everything(server)
    edit(folder, *edited, **cells)
    assert counts(server.take(folder, dry=True)) == (0, changed, 0)
    assert everything(server) == before, "a dry run writes nothing"
    assert counts(server.take(folder)) == (0, changed, 0)
    after = everything(server)
    assert after != before
    # What was merged is what would have come into an empty database.
    for table in ("people", "roles", "classes", "enrolments", "guardians"):
        with server.connect("postgres") as connection:
            connection.execute(f"TRUNCATE {table} CASCADE")
    server.take(folder, city=small.city().model_copy(update={"source": "Elsewhere."}))
    assert everything(server) == after


def test_who_is_not_in_the_file_any_more_is_switched_off_and_may_come_back(server: Server, folder: Path) -> None:
    whole = {name: small.read(folder, name) for name in ("users", "roles", "enrollments", "demographics")}
    server.take(folder)
    before = everything(server)
    without(folder, PUPIL)
    added, changed, removed = counts(server.take(folder))
    assert (added, removed) == (0, 1)
    assert changed == 1, "their parent, who looks after one less"
    (row,) = server.all(f"SELECT enabled, minor_until, left_at IS NOT NULL FROM people WHERE id = '{HASHES.of(PUPIL)}'")
    assert row == (False, None, True)
    for table, column in (("roles", "person"), ("enrolments", "person"), ("guardians", "child")):
        assert server.all(f"SELECT * FROM {table} WHERE {column} = '{HASHES.of(PUPIL)}'") == []
    for name, rows in whole.items():
        small.write(folder, name, rows)
    added, changed, removed = counts(server.take(folder))
    assert (added, changed, removed) == (1, 1, 0)
    assert everything(server) == before


def agreed(server: Server, guardian: str = PARENT, pupil: str = PUPIL) -> None:
    """Write a consent down, past the command."""
    words = "INSERT INTO consents (pupil, guardian, roles, begins, recorded_by) VALUES (%s, %s, '{parent}', '2026-09-01', 'a test')"
    with server.connect("postgres") as connection:
        connection.execute(words, (HASHES.of(pupil), HASHES.of(guardian)))


def consents(server: Server) -> list[object]:
    """Who agreed about whom, and since when it is on record."""
    return [tuple(row) for row in server.all("SELECT id, pupil, guardian, recorded_at, withdrawn_at FROM consents")]


def test_a_consent_outlasts_imports_in_which_the_guardian_stays_one(server: Server, folder: Path) -> None:
    server.take(folder)
    agreed(server)
    before = consents(server)
    # The pupil, then the pupil's class and birth differ.
    for edited, cells in (
        (("users", "sourcedId", PUPIL), {"enabledUser": "false"}),
        (("enrollments", "userSourcedId", PUPIL), {"beginDate": "2026-09-02"}),
        (("demographics", "sourcedId", PUPIL), {"birthDate": "2019-01-01"}),
    ):
        edit(folder, *edited, **cells)
        assert counts(server.take(folder))[1] >= 1
        assert consents(server) == before
    # A second guardian comes.
    edit(folder, "users", "sourcedId", PUPIL, agentSourcedIds=f"{PARENT},{OTHER_PARENT}")
    server.take(folder)
    assert len(server.all(f"SELECT FROM guardians WHERE child = '{HASHES.of(PUPIL)}'")) == 2
    assert consents(server) == before


@pytest.mark.parametrize("gone", ["the pupil", "the guardian", "the link", "the guardian's leave to sign in"])
def test_a_consent_goes_with_the_pupil_the_guardian_or_what_is_between_them(
    server: Server, folder: Path, gone: str
) -> None:
    whole = {name: small.read(folder, name) for name in ("users", "roles", "enrollments", "demographics")}
    server.take(folder)
    agreed(server)
    # Somebody else's stays.
    agreed(server, OTHER_PARENT, OTHER_PUPIL)
    stays = [row for row in consents(server) if HASHES.of(OTHER_PUPIL) in row]  # type: ignore[operator]
    if gone.endswith("sign in"):
        edit(folder, "users", "sourcedId", PARENT, enabledUser="false")
    elif gone == "the link":
        rows = [{**row, "agentSourcedIds": _without(row, (PUPIL, PARENT))} for row in whole["users"]]
        small.write(folder, "users", rows)
    else:
        without(folder, PUPIL if gone == "the pupil" else PARENT)
    server.take(folder, removals=True)
    assert consents(server) == stays
    # Who comes back has to agree anew.
    for name, rows in whole.items():
        small.write(folder, name, rows)
    server.take(folder)
    assert server.all(f"SELECT FROM guardians WHERE child = '{HASHES.of(PUPIL)}'")
    assert consents(server) == stays


def test_a_seat_outlasts_imports_and_is_free_while_its_holder_is_switched_off(server: Server, folder: Path) -> None:
    whole = {name: small.read(folder, name) for name in ("users", "roles", "enrollments", "demographics")}
    server.take(folder)
    words = "INSERT INTO seats (licence, person, begins, given_by) VALUES ('bought-course', %s, '2026-09-01', 'a test')"
    with server.connect("postgres") as connection:
        for user in (PUPIL, TEACHER):
            connection.execute(words, (HASHES.of(user),))

    def seats() -> list[tuple[object, ...]]:
        return server.all("SELECT enabled, person, given_at, withdrawn_at FROM seats ORDER BY id")

    before = seats()
    away = [(False, *before[0][1:]), before[1]]
    edit(folder, "enrollments", "userSourcedId", PUPIL, beginDate="2026-09-02")
    server.take(folder)
    assert seats() == before
    edit(folder, "users", "sourcedId", PUPIL, enabledUser="false")
    server.take(folder)
    assert seats() == away
    without(folder, PUPIL)
    server.take(folder, removals=True)
    assert seats() == away
    # It is theirs again with them, unless it was passed on.
    for name, rows in whole.items():
        small.write(folder, name, rows)
    server.take(folder)
    assert seats() == before
    with server.connect("postgres") as connection:
        for table, column in (("roles", "person"), ("enrolments", "person"), ("guardians", "child"), ("people", "id")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = %s", (HASHES.of(PUPIL),))
    assert seats() == before[1:], "with the person's row it goes"


def test_nobody_who_is_switched_off_or_unknown_can_be_given_a_seat(server: Server, folder: Path) -> None:
    server.take(folder)
    words = "INSERT INTO seats (licence, person, begins, given_by) VALUES ('bought-course', %s, '2026-09-01', 'a test')"
    with server.connect("postgres") as connection:
        connection.execute("UPDATE people SET enabled = false WHERE id = %s", (HASHES.of(PUPIL),))
    for user in (PUPIL, "nobody"):
        with server.connect("postgres") as connection, pytest.raises(ForeignKeyViolation):
            connection.execute(words, (HASHES.of(user),))


def _without(row: dict[str, str], pair: tuple[str, str]) -> str:
    """Whom a user names as theirs, without the one of the pair where it is the other."""
    others = set(pair) - {row["sourcedId"]} if row["sourcedId"] in pair else set()
    return ",".join(each for each in row["agentSourcedIds"].split(",") if each not in others)


def test_a_file_that_would_switch_off_too_many_needs_a_word(server: Server, folder: Path) -> None:
    server.take(folder)
    before = everything(server)
    without(folder, PUPIL)
    without(folder, TEACHER)
    with pytest.raises(UserError, match=r"would switch off 2 of 30 people(.|\n)*--allow-removals"):
        server.take(folder)
    assert everything(server) == before
    assert counts(server.take(folder, dry=True))[2] == 2
    assert counts(server.take(folder, removals=True))[2] == 2


@pytest.mark.parametrize(("few", "refused"), [(5, True), (20, False)])
def test_one_school_that_loses_most_of_its_people_needs_a_word_however_large_the_city(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, few: int, refused: bool
) -> None:
    server.take(folder)
    monkeypatch.setattr(difference, "MOST_REMOVED", 1.0)
    monkeypatch.setattr(difference, "FEW", few)
    for number in range(6):
        without(folder, f"s{SECOND}{number:05d}")
    for number in range(5):
        without(folder, f"p{SECOND}{number:05d}")
    if refused:
        with pytest.raises(UserError, match=f"{SECOND} would lose 11 of 14: more than half"):
            server.take(folder)
    else:
        assert counts(server.take(folder))[2] == 11


def test_a_file_speaks_for_the_schools_that_it_names(server: Server, folder: Path) -> None:
    server.take(folder)
    second = server.all(f"SELECT r::text FROM roles r WHERE place = '{SECOND}' ORDER BY 1")
    only(folder, FIRST)
    edit(folder, "users", "sourcedId", PUPIL, enabledUser="false")
    assert counts(server.take(folder)) == (0, 1, 0)
    assert server.all(f"SELECT r::text FROM roles r WHERE place = '{SECOND}' ORDER BY 1") == second
    (places,) = server.all("SELECT places FROM imports ORDER BY id DESC LIMIT 1")[0]
    assert FIRST in places
    assert SECOND not in places
    assert small.city().division_code not in places


def test_who_still_has_a_role_elsewhere_stays(server: Server, folder: Path) -> None:
    roles = small.read(folder, "roles")
    (mine,) = [row for row in roles if row["userSourcedId"] == TEACHER]
    small.write(
        folder, "roles", [*roles, {**mine, "sourcedId": "more", "roleType": "secondary", "orgSourcedId": SECOND}]
    )
    server.take(folder)
    without(folder, TEACHER)
    only(folder, FIRST)
    assert counts(server.take(folder)) == (0, 1, 0)
    words = f"SELECT place FROM roles WHERE person = '{HASHES.of(TEACHER)}'"
    assert server.all(words) == [(SECOND,)]


def test_a_wrong_roster_changes_nothing(server: Server, folder: Path) -> None:
    server.take(folder)
    before = everything(server)
    edit(folder, "users", "sourcedId", PUPIL, enabledUser="false")
    edit(folder, "enrollments", "userSourcedId", PARENT, role="nonsense")
    small.change(folder, "roles", -1, role="nonsense")
    with pytest.raises(UserError, match="nothing was written"):
        server.take(folder)
    assert everything(server) == before


def test_files_that_change_while_they_are_read_are_not_taken(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(*given: Any) -> Checked:
        found = check(*given)
        edit(folder, "users", "sourcedId", PUPIL, enabledUser="false")
        return found

    monkeypatch.setattr(importing, "check", checked)
    with pytest.raises(UserError, match="changed while they were read"):
        server.take(folder)
    assert server.all("SELECT count(*) FROM people") == [(0,)]


def test_another_key_is_not_taken_for_other_people(server: Server, folder: Path) -> None:
    server.take(folder)
    before, other = everything(server), Pseudonyms("another key of the same length, or so it seems")
    with pytest.raises(UserError, match="rosterKey"):
        server.take(folder, hashes=other)
    assert everything(server) == before
    assert counts(server.take(folder, hashes=other, removals=True))[::2] == (30, 30)


@pytest.fixture
def held(server: Server) -> Iterator[psycopg.Connection]:
    """``people`` locked, so that an import comes as far as writing and no farther."""
    connection = server.connect("postgres")
    connection.execute("LOCK TABLE people IN EXCLUSIVE MODE")
    yield connection
    connection.close()


def writing(server: Server) -> bool:
    """Whether an import is about to write."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock' AND query ~ 'INSERT INTO people'"
    with server.connect("postgres") as connection:
        return connection.execute(waits, (KEEPER,)).fetchone() != (0,)


def until(happens: Callable[[], bool]) -> None:
    """Wait for it; a hang is ended by pytest's own limit."""
    while not happens():
        time.sleep(0.05)


def nobody(server: Server) -> bool:
    """Whether the keeper has no connection any more."""
    return server.all(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{KEEPER}'") == [(0,)]


def test_an_import_killed_half_way_leaves_nothing_and_the_next_one_does_it_all(
    server: Server, folder: Path, held: psycopg.Connection
) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", IMPORTING, server.host, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    until(lambda: writing(server) or killed.poll() is not None)
    assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    held.rollback()
    until(lambda: nobody(server))
    assert everything(server) == [[], [], [], [], []]
    assert server.all("SELECT count(*) FROM imports") == [(0,)]
    assert server.all("SELECT relname FROM pg_class WHERE relpersistence = 't'") == [], "no staging is left"
    assert counts(server.take(folder))[0] == len(small.read(folder, "users"))


def test_two_at_once_come_one_after_the_other(server: Server, folder: Path, held: psycopg.Connection) -> None:
    done: list[Outcome] = []
    imports = [threading.Thread(target=lambda: done.append(server.take(folder))) for _ in range(2)]
    for each in imports:
        each.start()
    waits = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{KEEPER}' AND wait_event = 'advisory'"
    until(lambda: writing(server) and server.all(waits) == [(1,)])
    held.rollback()
    for each in imports:
        each.join()
    assert sorted(counts(each) for each in done) == [(0, 0, 0), (30, 0, 0)]


def test_one_who_waits_too_long_is_told_so(
    server: Server, folder: Path, held: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held
    monkeypatch.setitem(importing.SETTINGS, "lock_timeout", "100ms")
    with pytest.raises(UserError, match="another roster is being taken in"):
        server.take(folder)


def test_without_tables_it_says_what_makes_them(server: Server, folder: Path) -> None:
    with server.connect("postgres") as connection:
        connection.execute("ALTER TABLE imports RENAME TO elsewhere")
    try:
        with pytest.raises(UserError, match="`huiju up` makes them"):
            server.take(folder)
    finally:
        with server.connect("postgres") as connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO imports")


def test_what_is_kept_of_a_pseudonym_tells_nothing_of_the_key() -> None:
    one, other = Pseudonyms("k" * 40), Pseudonyms("l" * 40)
    assert one.of("s1") == one.of("s1") != other.of("s1")
    assert one.of("s1") != one.of("s2")
    assert one.mark() != other.mark()
    assert "k" * 40 not in repr(one)
    assert re.fullmatch("[0-9a-f]{32}", one.hexadecimal("s1"))
