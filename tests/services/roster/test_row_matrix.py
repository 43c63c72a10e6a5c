"""Every role, setting, table and statement against a plain reference, row by row, on a real PostgreSQL; and what spoils it is seen."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from local import postgresql
from tests.roster_server import DATABASE, Server
from tests.services.roster import asking
from tests.services.roster.asking import Answer


def asked(server: Server) -> list[Answer]:
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        found = asking.facts(connection, {})
    return list(asking.answers(server.connect, found))


@pytest.mark.proof
def test_every_row_is_seen_and_changed_by_whom_the_reference_says(
    server: Server, proof: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = asked(server)
    wrong = [each for each in answers if each.got != each.wanted]
    rows, seen = sum(each.rows for each in answers), sum(len(each.got) for each in answers if isinstance(each.got, set))
    said = f"{len(answers):,} statements about {rows:,} rows, {seen:,} of them reached, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nroster: {said}")
    proof("access: the roster's rows, every role, setting, table and statement on a PostgreSQL of its own", said)
    assert not wrong, wrong[:3]
    assert rows > 15_000
    assert 0 < seen < rows / 2


SPOILT = {
    "a policy that shows all": (
        "CREATE POLICY spoilt ON people TO roster_reader USING (true)",
        "DROP POLICY spoilt ON people",
    ),
    "no policy": ("ALTER TABLE roles DISABLE ROW LEVEL SECURITY", "ALTER TABLE roles ENABLE ROW LEVEL SECURITY"),
    "the owner unbound": (
        "ALTER TABLE guardians NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE guardians FORCE ROW LEVEL SECURITY",
    ),
    "a right more": ("GRANT DELETE ON people TO roster_keeper", "REVOKE DELETE ON people FROM roster_keeper"),
    "a right less": ("REVOKE SELECT ON classes FROM roster_school", "GRANT SELECT ON classes TO roster_school"),
    "consents of all": (
        "CREATE POLICY spoilt ON consents TO roster_reader USING (true)",
        "DROP POLICY spoilt ON consents",
    ),
    "consents that an import sees": (
        "CREATE POLICY spoilt ON consents TO roster_keeper USING (current_setting('huiju.purpose', true) = 'import')",
        "DROP POLICY spoilt ON consents",
    ),
    "consents unwritten": (
        "GRANT DELETE ON consents TO roster_keeper",
        "REVOKE DELETE ON consents FROM roster_keeper",
    ),
    "consents of no guardian": (
        "ALTER TABLE consents DROP CONSTRAINT consents_of_guardians",
        "ALTER TABLE consents ADD CONSTRAINT consents_of_guardians FOREIGN KEY (guardian, pupil, roles) "
        "REFERENCES guardians (guardian, child, roles) ON UPDATE CASCADE ON DELETE CASCADE",
    ),
    "classes by their id alone": (
        "CREATE POLICY spoilt ON classes TO roster_reader USING (id = ANY (ARRAY(SELECT class FROM enrolments)))",
        "DROP POLICY spoilt ON classes",
    ),
    "seats of one's children": (
        "CREATE POLICY spoilt ON seats TO roster_reader USING (person IN (SELECT id FROM people))",
        "DROP POLICY spoilt ON seats",
    ),
    "seats that an import sees": (
        "CREATE POLICY spoilt ON seats TO roster_keeper USING (current_setting('huiju.purpose', true) = 'import')",
        "DROP POLICY spoilt ON seats",
    ),
    "seats unwritten": ("GRANT DELETE ON seats TO roster_keeper", "REVOKE DELETE ON seats FROM roster_keeper"),
    "seats that a school sees": (
        "GRANT SELECT ON seats TO roster_school",
        "REVOKE SELECT ON seats FROM roster_school",
    ),
    "rows written unseen": (
        "CREATE POLICY spoilt ON imports FOR INSERT TO roster_keeper WITH CHECK (true)",
        "DROP POLICY spoilt ON imports",
    ),
}


@pytest.mark.parametrize("what", SPOILT)
def test_the_comparison_sees_what_spoils_it(server: Server, what: str) -> None:
    spoil, mend = SPOILT[what]
    with psycopg.connect(
        host=server.host, user=postgresql.ADMINISTRATOR, dbname=DATABASE, autocommit=True
    ) as connection:
        connection.execute(spoil)
        try:
            assert [each for each in asked(server) if each.got != each.wanted]
        finally:
            connection.execute(mend)
    assert all(each.got == each.wanted for each in asked(server))
