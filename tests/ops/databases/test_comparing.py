"""A restore is believed by what is in it: every table of every database of two real servers, one filled from the other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from catalog import names
from derive import database
from local import postgresql
from ops import database as command
from ops.cli import app
from ops.databases import comparing, drill
from ops.databases.comparing import NOTHING, Contents, Held, Table, Verdict
from ops.lessons import place
from ops.lessons.place import Place
from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import Server

RESTORED = "restored"
PEOPLE = Table(names.DATABASE_ROSTER, "public.people")
LESSONS = Table(names.DATABASE_LESSONS, "public.lessons")
FILL = "CREATE TABLE lessons (id text); INSERT INTO lessons VALUES ('l-1'), ('l-2')"


class Pods(Place):
    """A place whose pods are servers of this machine: what is run in them is run here, as their own administrator."""

    def __init__(self, **servers: str) -> None:
        super().__init__("test", {}, None, None)
        object.__setattr__(
            self, "servers", {f"service/{database.writes(name)}": host for name, host in servers.items()}
        )

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        assert words[0] == "exec"
        where = next(host for service, host in self.servers.items() if service in words)  # type: ignore[attr-defined]
        program, *arguments = words[words.index("--") + 1 :]
        line = [postgresql.program(program), "-h", where, "-U", postgresql.ADMINISTRATOR, *arguments]
        return subprocess.run(line, input=stdin, capture_output=True, text=True, check=True).stdout


@contextmanager
def filled(live: Server) -> Iterator[Server]:
    """Another server with all that ``live`` holds."""
    who = ("-U", postgresql.ADMINISTRATOR)
    dumped = subprocess.run(
        [postgresql.program("pg_dumpall"), "-h", live.host, *who], capture_output=True, text=True, check=True
    )
    with postgresql.running() as host:
        line = [postgresql.program("psql"), "-h", host, *who, "-X", "-q", "-d", comparing.ADMINISTRATION]
        subprocess.run(line, input=dumped.stdout, capture_output=True, text=True, check=True)
        yield Server(host)


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """A live server with a roster and a list of lessons, and one restored from it."""
    with roster_server.running() as live:
        live.take(small.written(tmp_path_factory.mktemp("files") / "roster"))
        postgresql.make(live.host, names.DATABASE_LESSONS, names.owner_role(names.DATABASE_LESSONS), ())
        with psycopg.connect(
            host=live.host, user=postgresql.ADMINISTRATOR, dbname=names.DATABASE_LESSONS
        ) as connection:
            connection.execute(FILL)
        with filled(live) as restored:
            yield Pods(**{names.POSTGRES: live.host, RESTORED: restored.host})


def sides(pods: Pods) -> tuple[Contents, Contents]:
    return comparing.contents(pods, names.POSTGRES), comparing.contents(pods, RESTORED)


def verdicts(before: Contents, after: Contents, restored: Contents) -> dict[Table, Verdict]:
    return {each.table: each.verdict for each in comparing.judged(before, after, restored)}


def changed(pods: Pods, words: str) -> None:
    """Do it in the restored roster."""
    host = pods.servers[f"service/{database.writes(RESTORED)}"]  # type: ignore[attr-defined]
    Server(host).rows(postgresql.ADMINISTRATOR, f"{words} RETURNING 1")


def test_every_table_of_every_database_is_compared(pods: Pods) -> None:
    live, restored = sides(pods)
    found = verdicts(live, live, restored)
    assert {PEOPLE, LESSONS} < set(found)
    assert {each.database for each in found} == {names.DATABASE_ROSTER, names.DATABASE_LESSONS}
    assert set(found.values()) == {Verdict.SAME}
    assert live[LESSONS].rows == 2
    assert live[PEOPLE].rows > 2


def test_one_row_of_the_roster_that_is_not_as_it_was_is_found(pods: Pods) -> None:
    live, _ = sides(pods)
    changed(pods, "UPDATE people SET enabled = NOT enabled WHERE id = (SELECT id FROM people ORDER BY id LIMIT 1)")
    _, restored = sides(pods)
    assert restored[PEOPLE].rows == live[PEOPLE].rows
    assert [table for table, verdict in verdicts(live, live, restored).items() if verdict is Verdict.DIFFERS] == [
        PEOPLE
    ]
    changed(pods, "UPDATE people SET enabled = NOT enabled WHERE id = (SELECT id FROM people ORDER BY id LIMIT 1)")
    assert sides(pods)[0] == sides(pods)[1]


def test_nothing_that_is_kept_of_anybody_leaves_the_server(pods: Pods) -> None:
    (person,) = Server(pods.servers[f"service/{database.writes(RESTORED)}"]).all("SELECT id FROM people LIMIT 1")  # type: ignore[attr-defined]
    assert str(person[0]) not in repr(sides(pods))


ONE, TWO = Held(1, "one"), Held(2, "two")


@pytest.mark.parametrize(
    ("before", "after", "restored", "verdict"),
    [
        (ONE, ONE, ONE, Verdict.SAME),
        (ONE, ONE, TWO, Verdict.DIFFERS),
        (ONE, ONE, None, Verdict.DIFFERS),
        (None, None, ONE, Verdict.DIFFERS),
        (ONE, TWO, ONE, Verdict.SAME),
        (ONE, TWO, TWO, Verdict.SAME),
        (ONE, TWO, Held(2, "between"), Verdict.MOVED),
        (ONE, TWO, NOTHING, Verdict.DIFFERS),
        (ONE, TWO, None, Verdict.DIFFERS),
        (NOTHING, TWO, Held(1, "between"), Verdict.MOVED),
    ],
)
def test_a_table_that_is_written_to_meanwhile_is_not_held_against_the_backup(
    before: Held | None, after: Held | None, restored: Held | None, verdict: Verdict
) -> None:
    def side(held: Held | None) -> Contents:
        return {PEOPLE: held} if held else {}

    assert verdicts(side(before), side(after), side(restored)) == {PEOPLE: verdict}


@pytest.mark.parametrize(("damaged", "code"), [(False, 0), (True, 1)])
def test_the_drill_fails_by_the_roster_alone(
    damaged: bool, code: int, pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Any] = []
    monkeypatch.setattr(place, "of_stack", lambda _: pods)
    monkeypatch.setattr(drill, "begin", lambda where, *_: comparing.contents(where, names.POSTGRES))
    monkeypatch.setattr(drill, "wait", lambda *_: None)
    monkeypatch.setattr(drill, "remove", lambda *words: removed.append(words))
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: 0.0))
    if damaged:
        changed(pods, "UPDATE people SET enabled = NOT enabled WHERE id = (SELECT id FROM people ORDER BY id LIMIT 1)")
    done = CliRunner().invoke(app, ["database", "restore"])
    if damaged:
        changed(pods, "UPDATE people SET enabled = NOT enabled WHERE id = (SELECT id FROM people ORDER BY id LIMIT 1)")
    assert (done.exit_code, len(removed)) == (code, 1), done.output
    assert ("differs" in done.output) is damaged
    assert "same" in next(line for line in done.output.splitlines() if line.startswith(names.DATABASE_LESSONS))


def test_the_live_log_is_closed_so_that_the_last_rows_are_in_the_archive(pods: Pods) -> None:
    live = Server(pods.servers[f"service/{database.writes()}"])  # type: ignore[attr-defined]

    def written() -> list[tuple[Any, ...]]:
        live.all("SELECT pg_logical_emit_message(true, 'a', 'row')")
        return live.all("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")

    before = written()
    assert written() == before
    comparing.close_log(pods)
    assert written() != before
