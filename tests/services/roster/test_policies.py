"""What each role of the roster sees and may do, asked of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege
from sqlalchemy.exc import OperationalError

from services.roster import migrate
from services.roster.policies import IMPORTED, TABLES
from tests.ops.rosters import small
from tests.roster_server import HASHES, KEEPER, OWNER, READER, SCHOOL, Server

FIRST, SECOND = (school.code for school in small.city().schools)
PARENT, CHILD = f"p{FIRST}00000", f"s{FIRST}00000"


def ids(server: Server, role: str, words: str, **settings: str) -> set[str]:
    return {str(row[0]) for row in server.rows(role, words, **settings)}


def children_of(folder: Path, parent: str) -> set[str]:
    (row,) = [each for each in small.read(folder, "users") if each["sourcedId"] == parent]
    return {str(HASHES.of(each)) for each in row["agentSourcedIds"].split(",")}


@pytest.mark.parametrize("role", [OWNER, READER, KEEPER, SCHOOL])
@pytest.mark.parametrize("table", TABLES)
def test_who_does_not_say_whose_rows_sees_none(server: Server, role: str, table: str) -> None:
    assert server.all(f"SELECT count(*) FROM {table}") != [(0,)]
    try:
        assert server.rows(role, f"SELECT * FROM {table}") == []
    except InsufficientPrivilege:
        assert (role, table) in {(READER, "imports"), (SCHOOL, "imports"), (SCHOOL, "consents"), (SCHOOL, "seats")}


@pytest.mark.parametrize("table", TABLES)
def test_the_owner_sees_nothing_whatever_it_says(server: Server, table: str) -> None:
    said = {"huiju_person": str(HASHES.of(PARENT)), "huiju_school": FIRST}
    for purpose in ("import", "consent", "seat"):
        assert server.rows(OWNER, f"SELECT * FROM {table}", huiju_purpose=purpose, **said) == []


def test_the_reader_sees_one_person_and_their_children(server: Server, folder: Path) -> None:
    me, children = str(HASHES.of(PARENT)), children_of(folder, PARENT)
    assert children
    seen = {"huiju_person": me}
    for words in ("SELECT id FROM people", "SELECT person FROM roles"):
        assert ids(server, READER, words, **seen) == {me} | children
    assert ids(server, READER, "SELECT person FROM enrolments", **seen) == children
    assert server.rows(READER, "SELECT count(*) FROM classes", **seen) == [(1,)]
    assert ids(server, READER, "SELECT guardian FROM guardians", **seen) == {me}
    assert ids(server, READER, "SELECT child FROM guardians", **seen) == children


def test_a_child_sees_themself_and_not_their_guardian(server: Server, folder: Path) -> None:
    child = min(children_of(folder, PARENT))
    assert ids(server, READER, "SELECT id FROM people", huiju_person=child) == {child}
    assert ids(server, READER, "SELECT guardian FROM guardians", huiju_person=child) == {str(HASHES.of(PARENT))}


def test_whom_a_transaction_named_is_forgotten_with_it(server: Server) -> None:
    with server.connect(READER) as connection:
        connection.execute("SELECT set_config('huiju.person', %s, true)", (str(HASHES.of(PARENT)),))
        assert connection.execute("SELECT count(*) FROM people").fetchone() != (0,)
        connection.commit()
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_a_school_sees_its_own_people_and_nothing_of_the_other(server: Server) -> None:
    for words in (
        "SELECT DISTINCT place FROM roles",
        "SELECT DISTINCT school FROM classes",
        "SELECT DISTINCT school FROM enrolments",
    ):
        assert ids(server, SCHOOL, words, huiju_school=FIRST) == {FIRST}
    here = "SELECT person FROM roles WHERE place = '{}'"
    first, second = ({str(row[0]) for row in server.all(here.format(code))} for code in (FIRST, SECOND))
    assert ids(server, SCHOOL, "SELECT id FROM people", huiju_school=FIRST) == first
    links = ids(server, SCHOOL, "SELECT unnest(ARRAY[guardian, child]) FROM guardians", huiju_school=FIRST)
    assert links
    assert not links & second


def test_the_keeper_sees_everybody_while_it_takes_a_roster_in(server: Server) -> None:
    for table in IMPORTED:
        count = f"SELECT count(*) FROM {table}"
        assert server.rows(KEEPER, count, huiju_purpose="import") == server.all(count)
        for purpose in ("consent", "seat", "anything else"):
            assert server.rows(KEEPER, count, huiju_purpose=purpose) == [(0,)]


@pytest.mark.parametrize(("table", "its"), [("consents", "consent"), ("seats", "seat")])
def test_the_keeper_sees_consents_or_seats_while_it_writes_one_down_and_nothing_else(
    server: Server, table: str, its: str
) -> None:
    count = f"SELECT count(*) FROM {table}"
    assert server.rows(KEEPER, count, huiju_purpose=its) == server.all(count)
    for purpose in {"import", "consent", "seat", "anything else"} - {its}:
        assert server.rows(KEEPER, count, huiju_purpose=purpose) == [(0,)]


def test_the_reader_sees_consents_about_one_person_and_their_children(server: Server, folder: Path) -> None:
    seen = ids(server, READER, "SELECT pupil FROM consents", huiju_person=str(HASHES.of(PARENT)))
    assert seen and seen <= children_of(folder, PARENT)
    child = min(seen)
    assert ids(server, READER, "SELECT pupil FROM consents", huiju_person=child) == {child}


def test_the_reader_sees_the_seats_of_one_person_and_not_their_children_s(server: Server) -> None:
    for each in (PARENT, f"s{FIRST}00000"):
        me = str(HASHES.of(each))
        assert server.rows(READER, "SELECT person::text FROM seats", huiju_person=me) == [(me,)]


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (READER, "DELETE FROM people"),
        (READER, "UPDATE people SET enabled = true"),
        (READER, "SELECT * FROM imports"),
        (READER, "CREATE TEMPORARY TABLE mine (a int)"),
        (SCHOOL, "INSERT INTO roles (person, place, role, main) SELECT id, '1', 'x', true FROM people"),
        (SCHOOL, "SET ROLE roster_keeper"),
        (KEEPER, "DELETE FROM people"),
        (KEEPER, "DELETE FROM imports"),
        (KEEPER, "UPDATE imports SET by = 'nobody'"),
        (KEEPER, "ALTER TABLE people DISABLE ROW LEVEL SECURITY"),
        (KEEPER, "CREATE TABLE mine (a int)"),
        (KEEPER, "TRUNCATE people"),
        (READER, "UPDATE consents SET withdrawn_by = NULL"),
        (SCHOOL, "SELECT * FROM consents"),
        (KEEPER, "DELETE FROM consents"),
        (KEEPER, "UPDATE consents SET ends = 'infinity'"),
        (KEEPER, "UPDATE consents SET guardian = pupil"),
        (KEEPER, "UPDATE consents SET roles = '{guardian}'"),
        (KEEPER, "UPDATE guardians SET guardian = child"),
        (READER, "UPDATE guardians SET roles = '{guardian}'"),
        (READER, "UPDATE seats SET withdrawn_by = NULL"),
        (SCHOOL, "SELECT * FROM seats"),
        (KEEPER, "DELETE FROM seats"),
        (KEEPER, "UPDATE seats SET ends = 'infinity'"),
        (KEEPER, "UPDATE seats SET enabled = true"),
    ],
)
def test_nobody_does_more_than_their_part(server: Server, role: str, words: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        server.rows(role, words, huiju_purpose="import")


@pytest.mark.parametrize("roles", ["{guardian}", "{}", "{parent,relative}"])
def test_no_consent_is_written_by_who_is_something_else_to_the_pupil(server: Server, roles: str) -> None:
    words = "INSERT INTO consents (pupil, guardian, roles, begins, recorded_by) "
    words += f"VALUES ('{HASHES.of(CHILD)}', '{HASHES.of(PARENT)}', '{roles}', '2026-09-01', 'a test') RETURNING 1"
    with pytest.raises(ForeignKeyViolation):
        server.rows(KEEPER, words, huiju_purpose="consent")


def test_what_nobody_may_see_cannot_be_written_either(server: Server) -> None:
    words = "INSERT INTO people (id, enabled) VALUES (gen_random_uuid(), true) RETURNING 1"
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        server.rows(KEEPER, words)


def test_another_role_of_the_server_does_not_even_get_in(server: Server) -> None:
    with psycopg.connect(host=server.host, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE lessons_reader LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        server.connect("lessons_reader")


def test_every_table_is_under_forced_row_level_security_one_made_later_too(server: Server) -> None:
    with server.connect(OWNER) as connection:
        connection.execute("CREATE TABLE later (a int)")
    server.migrate()
    try:
        flags = "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
        flags += "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        found: dict[str, bool] = dict(server.all(flags))
        assert found.pop("alembic_version") is False
        assert found == dict.fromkeys([*TABLES, "later"], True)
    finally:
        with server.connect(OWNER) as connection:
            connection.execute("DROP TABLE later")


def test_migrating_again_changes_nothing_of_who_sees_what(server: Server) -> None:
    words = "SELECT tablename, policyname, roles::text, cmd, qual FROM pg_policies ORDER BY 1, 2"
    before = server.all(words)
    server.migrate()
    assert server.all(words) == before
    assert len(before) == 20


def test_a_change_of_the_tables_gives_way_to_who_is_at_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "PATIENCE", "100ms")
    with server.connect("postgres") as connection:
        connection.execute("LOCK TABLE people IN ROW EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            server.migrate()
    server.migrate()
