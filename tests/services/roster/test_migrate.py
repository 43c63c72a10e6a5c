"""A database of every earlier form becomes today's, and loses nobody; asked of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from local import postgresql
from services.roster import migrate
from services.roster.policies import CONSENTS, IMPORTED, TABLES
from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import Server
from tests.services.roster.conftest import AGREED, SEATED

EARLIER = [each.revision for each in ScriptDirectory.from_config(migrate.configuration()).walk_revisions()][1:]
"""Every form but the newest."""
RIGHTS = (
    "SELECT oid::regclass::text, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "SELECT tablename, policyname, roles::text, cmd, qual FROM pg_policies",
    "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants WHERE table_schema = 'public'",
    "SELECT table_name, column_name, grantee, privilege_type FROM information_schema.column_privileges WHERE table_schema = 'public'",
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, with a roster, consents and seats."""
    with roster_server.running() as server:
        server.take(small.written(tmp_path_factory.mktemp("migrate") / "roster"))
        with server.connect(postgresql.ADMINISTRATOR) as connection:
            connection.execute(AGREED)
            connection.execute(SEATED)
        yield server


def back(server: Server, revision: str) -> None:
    """Make the tables as they were then, with what was in them that was there then."""
    settings = migrate.configuration()
    with server.owner().begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, revision)


def columns(server: Server, table: str) -> list[str]:
    found = server.all(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1")
    return [str(name) for (name,) in found]


def rows(server: Server, table: str, names: list[str] | None = None) -> list[tuple[object, ...]]:
    """What is in the table, or in these columns of it, as text: days may be infinite."""
    named = ", ".join(columns(server, table) if names is None else names)
    return server.all(f"SELECT ROW({named})::text FROM {table} ORDER BY 1")


def tables(server: Server) -> set[str]:
    return {str(name) for (name,) in server.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


# The newest first, so that each has what its form can hold.
@pytest.mark.parametrize("revision", EARLIER)
def test_an_earlier_database_becomes_todays_and_keeps_everybody(full: Server, revision: str) -> None:
    rights = [sorted(full.all(words)) for words in RIGHTS]
    back(full, revision)
    there = tables(full) & set(TABLES)
    assert full.all("SELECT version_num FROM alembic_version") == [(revision,)], "it was an earlier one"
    had = {table: columns(full, table) for table in there}
    before = {table: rows(full, table) for table in there}
    assert before["people"] and before["guardians"] and (CONSENTS not in there or before[CONSENTS])
    full.migrate()
    assert {table: rows(full, table, had[table]) for table in there} == before
    assert {table for table in set(TABLES) - there if rows(full, table)} == set(), "what it could not hold is empty"
    assert [sorted(full.all(words)) for words in RIGHTS] == rights, "and everybody sees what they see in a new one"
    assert full.all("SELECT version_num FROM alembic_version") == [(migrate.newest(),)]


def test_what_is_held_meanwhile_is_waited_for_and_given_way_to(full: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "PATIENCE", "100ms")
    with full.connect(postgresql.ADMINISTRATOR) as holding:
        holding.execute("LOCK TABLE people IN ROW EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock"):
            full.migrate()
    full.migrate()
    assert set(IMPORTED) <= tables(full)


MIXED = """
UPDATE roles SET role = CASE number % 4 WHEN 0 THEN 'relative' WHEN 1 THEN 'guardian' ELSE role END
FROM (SELECT person AS one, row_number() OVER (ORDER BY person) AS number FROM roles WHERE role = 'parent') numbered
WHERE role = 'parent' AND person = one
"""
"""Some of the parents are relatives or guardians."""
BESIDES = """
INSERT INTO roles (person, place, role, main)
SELECT person, place, 'relative', false FROM roles WHERE role = 'parent' ORDER BY person LIMIT 1
"""
"""One is a relative as well."""
NOTHING = """
DELETE FROM roles WHERE person = (SELECT person FROM roles WHERE role = 'parent' ORDER BY person DESC LIMIT 1) AND role = 'parent'
"""
"""Of one nothing is known."""
LINKS = "SELECT g.guardian::text, g.child::text, g.roles FROM guardians g ORDER BY 1, 2"


def test_who_may_agree_is_read_off_the_roles_that_are_there(full: Server) -> None:
    """As an import would write it; of whom nothing is known nothing is written, and a consent says what its link does."""
    with full.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute(AGREED)
    back(full, "r0004")
    with full.connect(postgresql.ADMINISTRATOR) as connection:
        for words in (MIXED, BESIDES, NOTHING):
            assert connection.execute(words).rowcount
    full.migrate()
    found = {(guardian, child): roles for guardian, child, roles in full.all(LINKS)}
    held: dict[str, set[str]] = {}
    for person, role in full.all(
        "SELECT person::text, role FROM roles WHERE role IN ('parent', 'guardian', 'relative')"
    ):
        held.setdefault(person, set()).add(role)
    assert found == {link: sorted(held.get(link[0], ())) for link in found}
    assert {tuple(roles) for roles in found.values()} == {
        *((), ("parent",), ("guardian",), ("relative",), ("parent", "relative")),
    }
    agreed = full.all("SELECT guardian::text, pupil::text, roles FROM consents")
    assert agreed and all(found[guardian, pupil] == roles for guardian, pupil, roles in agreed)


def test_what_somebody_is_at_another_school_is_read_off_only_where_they_are_nothing_at_the_pupil_s(
    full: Server,
) -> None:
    back(full, "r0004")
    person, here = full.all("SELECT person::text, place FROM roles WHERE role = 'parent' ORDER BY person LIMIT 1")[0]
    words = "INSERT INTO roles (person, place, role, main) VALUES (%s, %s, 'guardian', false)"
    with full.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("DELETE FROM roles WHERE person = %s AND role <> 'parent'", (person,))
        connection.execute(words, (person, "elsewhere"))
    full.migrate()
    mine = f"SELECT DISTINCT roles FROM guardians WHERE guardian = '{person}'"
    assert full.all(mine) == [(["parent"],)]
    back(full, "r0004")
    with full.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("DELETE FROM roles WHERE person = %s AND place = %s", (person, here))
    full.migrate()
    assert full.all(mine) == [(["guardian"],)]
