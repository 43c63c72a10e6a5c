"""A roster on a real platform: taken in, looked at, taken in again, and compared with one that differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from typer.testing import CliRunner, Result

from catalog import load_named, names
from ops.cli import app
from ops.lessons import indexing, place
from ops.lessons.place import Place
from ops.rosters import importing, reaching
from services.roster.policies import IMPORT, PURPOSE, TABLES
from tests.integration.conftest import Platform
from tests.integration.test_audit import traced
from tests.ops.rosters import small
from tests.services.roster import asking

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
OWNER, READER, *_ = names.database_roles(names.DATABASE_ROSTER)


def huiju(platform: Platform, *words: str, stdin: str | None = None) -> Result:
    """A command, as typed."""
    done = CliRunner().invoke(app, ["roster", *words, "--stack", platform.stack], input=stdin)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


@pytest.fixture(scope="module")
def where(platform: Platform) -> Iterator[Place]:
    """The platform as the commands see it; the roster is emptied afterwards."""
    found = place.of_stack(platform.stack)
    yield found
    with reaching.connecting(found, OWNER) as connect, connect() as connection:
        connection.execute("TRUNCATE people, roles, classes, enrolments, guardians, imports, consents, seats")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up roster of the whole small city."""
    path = tmp_path_factory.mktemp("roster") / "files"
    assert CliRunner().invoke(app, ["roster", "sample", "--schools", "tiny", "--out", str(path)]).exit_code == 0
    return path


@contextmanager
def keeping(where: Place) -> Iterator[psycopg.Connection]:
    """A transaction of the keeper."""
    with reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as connect, importing.keeper(connect) as connection:
        yield connection


def consented(platform: Platform, where: Place, pupil: dict[str, Any]) -> None:
    """A guardian agrees, and agrees no longer. Afterwards there is no trace of it: the rows are compared with the register's."""
    (guardian,) = pupil["guardians"]

    def consents() -> list[dict[str, Any]]:
        known: dict[str, Any] = json.loads(huiju(platform, "show", pupil["id"], "--json").stdout)
        return [each for each in known["consents"] if each["guardian"] == guardian]

    assert "would" in huiju(platform, "consent", pupil["id"], "--dry-run").stdout and not consents()
    huiju(platform, "consent", pupil["id"], "--until", "2099-12-31")
    assert [(each["ends"], each["withdrawn_at"]) for each in consents()] == [("2099-12-31", None)]
    assert "nothing to do" in huiju(platform, "consent", pupil["id"], "--until", "2099-12-31").stdout
    huiju(platform, "consent", pupil["id"], "--withdraw")
    assert [bool(each["withdrawn_at"]) for each in consents()] == [True]
    with reaching.connecting(where, OWNER) as connect, connect() as connection:
        connection.execute("TRUNCATE consents")


def explained(platform: Platform, where: Place, pupil: dict[str, Any]) -> None:
    """Whether the pupil may play a lesson is judged as what the roster has them as."""
    lesson, code = "l-ofnobodyinpartic", pupil["roles"][0]["place"]
    facts = {"school": {"code": code}, "licence": {"id": load_named("tiny").licences[0].id}}
    record = {"id": lesson, **facts, "published": "2026-01-01T00:00:00Z", "master": f"{lesson}/h/master.m3u8"}
    words = ["access", "explain", lesson, "--person", pupil["id"], "--stack", platform.stack]
    with where.buckets() as (_, lessons):
        lessons.put(f"{lesson}/lesson.json", json.dumps(record).encode(), "no-store")
        said = CliRunner().invoke(app, words)
        lessons.delete([f"{lesson}/lesson.json"])
    assert f"student of {code}, {lesson}" in " ".join(said.output.split()), said.output


def test_a_roster_is_taken_in_shown_and_compared(platform: Platform, where: Place, folder: Path) -> None:
    whole = sum(school.students for school in load_named("tiny").schools)
    assert "nothing was written" in huiju(platform, "import", str(folder), "--dry-run").stdout
    assert " added" in huiju(platform, "import", str(folder)).stdout
    users = small.read(folder, "users")
    pupil = next(row["sourcedId"] for row in users if row["sourcedId"].startswith("s"))

    shown: dict[str, Any] = json.loads(huiju(platform, "show", "-", "--json", stdin=f"{pupil}\n").stdout)
    assert pupil not in json.dumps(shown)
    assert [role["tier"] for role in shown["roles"]] == ["student"]
    assert (len(shown["classes"]), len(shown["guardians"])) == (1, 1)
    guardian = json.loads(huiju(platform, "show", shown["guardians"][0], "--json").stdout)
    assert shown["id"] in guardian["children"]
    looked = [(each["what"]["action"], each["why"]) for each in traced(platform, "--who", shown["id"])]
    assert ("roster-show", "done") in looked, "who looked is in the store by now"

    assert "nothing to do" in huiju(platform, "import", str(folder)).stdout
    with keeping(where) as connection:
        assert connection.execute("SELECT count(*) FROM roles WHERE role = 'student'").fetchone() == (whole,)
        assert connection.execute("SELECT count(*) FROM imports").fetchone() == (1,)

    consented(platform, where, shown)
    explained(platform, where, shown)
    small.write(folder, "users", ({**row, "enabledUser": str(row["sourcedId"] != pupil).lower()} for row in users))
    differs = json.loads(huiju(platform, "diff", str(folder), "--json").stdout)
    assert differs["people"] == {"added": 0, "changed": 1, "removed": 0}


def test_each_role_reaches_the_rows_that_the_reference_says(
    platform: Platform,
    where: Place,
    folder: Path,
    proof: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    huiju(platform, "import", str(folder))
    with ExitStack() as open_until_done:

        def connect(role: str) -> psycopg.Connection:
            return open_until_done.enter_context(reaching.connecting(where, role))()

        with connect(names.ROLE_ROSTER_KEEPER) as connection:
            found = asking.facts(connection, {PURPOSE: IMPORT})
        answers = list(asking.answers(connect, found))
    wrong = [each for each in answers if each.got != each.wanted]
    rows = sum(each.rows for each in answers)
    said = f"{len(answers):,} statements about {rows:,} rows, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nroster on the platform: {said}")
    proof("access: the roster's database, every role, setting, table and statement against a plain reference", said)
    assert not wrong, [each[:4] for each in wrong]
    assert rows > 100_000


@pytest.mark.parametrize("role", names.database_roles(names.DATABASE_ROSTER))
def test_on_the_platform_too_nobody_sees_everybody_by_mistake(where: Place, role: str) -> None:
    for table in TABLES:
        with reaching.connecting(where, role) as connect, connect() as connection:
            try:
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            except InsufficientPrivilege:
                assert table in {"imports", "consents", "seats"}


def test_another_database_s_reader_does_not_get_in(where: Place) -> None:
    role = names.reader_role(names.DATABASE_LESSONS)
    with (
        indexing.address(where, lambda: indexing.files(where, role)) as words,
        pytest.raises(psycopg.OperationalError, match="permission denied for database"),
    ):
        psycopg.connect(**{**words, "dbname": names.DATABASE_ROSTER})


def test_what_the_owner_says_shows_it_nothing(where: Place) -> None:
    with reaching.connecting(where, OWNER) as connect, connect() as connection:
        connection.execute("SELECT set_config(%s, %s, true)", (PURPOSE, IMPORT))
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)
