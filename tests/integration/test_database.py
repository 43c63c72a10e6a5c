"""The database on a real cluster: what the catalog names is in it, the list follows the object store, and backups can be restored."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError, ProgrammingError
from typer.testing import CliRunner, Result

from catalog import load_named, names
from derive import lesson as identity
from ops.cli import app
from ops.databases import backup, comparing, drill, state
from ops.databases.comparing import Table, Verdict
from ops.lesson import publish_sample
from ops.lessons import indexing, place
from ops.lessons.indexing import DatabaseDownError
from ops.lessons.place import Place
from ops.phases import Phases
from ops.stack import session
from services.lesson_index import migrate
from services.lesson_index.table import LESSONS
from tests.integration.conftest import Platform
from tests.services.lesson_index.test_rows import RECORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
OWNER, READER = names.owner_role(indexing.INDEX), names.reader_role(indexing.INDEX)
BROKEN = f"l-{'e' * 16}"
PLANTED = [f"l-{letter * 16}" for letter in "bcd"]


@pytest.fixture(scope="module")
def where(platform: Platform) -> Place:
    """The platform as the commands see it."""
    return place.of_stack(platform.stack)


def huiju(platform: Platform, *words: str) -> Result:
    """A command, as typed."""
    return CliRunner().invoke(app, [*words, "--stack", platform.stack])


def index_job(where: Place) -> None:
    """Run what runs every hour, now."""
    place_of = ("-n", names.namespace(names.VIDEO_LIBRARY))
    where.kubectl("create", "job", "--from=cronjob/lesson-index", "index-now", *place_of)
    try:
        where.kubectl("wait", "--for=condition=Complete", "job/index-now", *place_of, "--timeout=25s")
    finally:
        where.kubectl("delete", "job", "index-now", *place_of, "--wait=true")


@pytest.fixture(scope="module")
def published(platform: Platform, where: Place) -> Iterator[str]:
    """The sample lesson, three records put into the bucket behind the database's back, and one that is not whole."""
    publish_sample(platform.stack)
    with where.buckets() as (_, lessons):
        lessons.put(identity.record_key(BROKEN), json.dumps({"id": BROKEN}).encode(), "no-store")
        for lesson_id in PLANTED:
            lessons.put(identity.record_key(lesson_id), json.dumps({**RECORD, "id": lesson_id}).encode(), "no-store")
    yield next(row["id"] for row in indexing.listed(where) if row["id"] not in PLANTED)
    with where.buckets() as (_, lessons):
        lessons.delete([identity.record_key(lesson_id) for lesson_id in [*PLANTED, BROKEN]])
    assert huiju(platform, "lesson", "reindex").exit_code == 0


def test_the_instances_run_and_archive(where: Place) -> None:
    now = state.read(where.kubectl)
    assert (now.healthy, now.ready, now.archiving) == (True, 1, True)


def test_every_database_of_the_catalog_is_there_with_its_roles(where: Place) -> None:
    wanted = {each.id for service in load_named("tiny").services for each in service.databases}
    owners = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY(:names)"
    with indexing.connected(where, READER) as connection:
        found = {row[0]: row[1] for row in connection.execute(sa.text(owners), {"names": list(wanted)})}
        can_log_in = set(connection.execute(sa.text("SELECT rolname FROM pg_roles WHERE rolcanlogin")).scalars())
    assert found == {name: names.owner_role(name) for name in wanted}
    assert {names.reader_role(name) for name in wanted} <= can_log_in


def test_the_tables_are_as_the_code_says_they_are(where: Place) -> None:
    with indexing.connected(where, OWNER) as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == migrate.newest()
        assert compare_metadata(context, LESSONS.metadata) == []


def test_the_job_and_the_commands_list_what_the_object_store_holds(
    platform: Platform, where: Place, published: str
) -> None:
    before = {row["id"] for row in indexing.listed(where)}
    assert published in before
    assert not before & set(PLANTED)
    index_job(where)
    rows = json.loads(huiju(platform, "lesson", "list", "--json").stdout)
    assert {row["id"] for row in rows} == before | set(PLANTED)
    with where.buckets() as (_, lessons):
        for row in rows:
            url = row.pop("url")
            assert url.endswith(row["id"])
            # What the list says of the licence today is no part of the record.
            for told in ("closes", "closed"):
                row.pop(told)
            assert row == lessons.read_json(identity.record_key(row["id"]))
    assert [row["published"] for row in rows] == sorted((row["published"] for row in rows), reverse=True)


def test_a_lesson_removed_leaves_the_list_and_a_row_too_many_or_other_is_mended(
    platform: Platform, where: Place, published: str
) -> None:
    huiju(platform, "lesson", "reindex")
    assert huiju(platform, "lesson", "rm", PLANTED[2], "--yes").exit_code == 0
    assert {PLANTED[0], PLANTED[1]} == {row["id"] for row in indexing.listed(where)} & set(PLANTED)
    with indexing.connected(where, OWNER) as connection:
        connection.execute(sa.update(LESSONS).where(LESSONS.c.id == PLANTED[0]).values(record={"id": "other"}))
        connection.execute(sa.update(LESSONS).where(LESSONS.c.id == PLANTED[1]).values(id="l-nowhere"))
    said = huiju(platform, "lesson", "reindex").stdout
    assert "2 written, 1 taken out" in said
    assert BROKEN in said
    assert "0 written, 0 taken out" in huiju(platform, "lesson", "reindex").stdout
    assert published in {row["id"] for row in indexing.listed(where)}


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM lessons", "CREATE TABLE mine (a int)", "ALTER ROLE lessons_owner PASSWORD 'x'", "DROP TABLE lessons"],
)
def test_the_reader_reads_and_does_nothing_else(where: Place, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        indexing.connected(where, READER) as connection,
    ):
        assert connection.execute(sa.select(sa.func.count()).select_from(LESSONS)).scalar() is not None
        connection.execute(sa.text(statement))


def test_the_server_is_checked_by_its_certificate(where: Place) -> None:
    real = indexing.files(where, READER)
    stranger = where.kubectl("get", "secret", "gateway-tls", "-n", "gateway", "-o", "jsonpath={.data.tls\\.crt}")

    def refusal(entries: dict[str, str], **words: str) -> str:
        with indexing.address(where, lambda: entries) as found:
            engine = sa.create_engine("postgresql+psycopg://", connect_args={**found, **words})
            with pytest.raises(OperationalError) as refused:
                engine.connect()
        return str(refused.value)

    assert "certificate verify failed" in refusal({**real, "ca.crt": b64decode(stranger).decode()})
    assert "does not match host name" in refusal(real, host="elsewhere")


@pytest.fixture
def asleep(where: Place) -> Iterator[None]:
    """The database without any instance, woken again afterwards."""
    cluster = ("cluster.postgresql.cnpg.io", names.POSTGRES, "-n", state.SPACE)
    where.kubectl("annotate", *cluster, "cnpg.io/hibernation=on")
    where.kubectl("wait", "--for=delete", "pod", "-l", "cnpg.io/podRole=instance", "-n", state.SPACE, "--timeout=25s")
    yield
    where.kubectl("annotate", *cluster, "cnpg.io/hibernation-")
    deadline = time.monotonic() + 180
    while not _answers(where):
        assert time.monotonic() < deadline, "the database did not wake up"
        time.sleep(1)


def _answers(where: Place) -> bool:
    try:
        indexing.listed(where)
    except DatabaseDownError:
        return False
    return True


@pytest.mark.usefixtures("asleep", "published")
def test_without_the_database_the_list_says_so_and_publishing_goes_on(platform: Platform) -> None:
    refused = huiju(platform, "lesson", "list")
    assert isinstance(refused.exception, DatabaseDownError)
    assert "huiju database status" in str(refused.exception)
    said: list[str] = []
    assert publish_sample(platform.stack, said.append).startswith("https://")
    assert [line for line in said if "huiju lesson reindex" in line]


@pytest.mark.slow
def test_a_backup_is_restored_beside_the_live_database_row_by_row(
    platform: Platform, where: Place, published: str, proof: Any
) -> None:
    huiju(platform, "lesson", "reindex")
    assert backup.backup(where, lambda _: None) in {each.name for each in state.read(where.kubectl).backups}
    begun = time.monotonic()
    before = drill.begin(where, "restored", None)
    try:
        drill.wait(where, "restored", lambda _: None)
        took = time.monotonic() - begun
        rows = drill.compare(where, "restored", before)
        assert not [each for each in rows if each.verdict is Verdict.DIFFERS]
        wanted = {each.id for service in load_named("tiny").services for each in service.databases}
        assert {each.table.database for each in rows if each.restored} == wanted
        lessons = Table(indexing.INDEX, f"public.{LESSONS.name}")
        assert {each.table: each.verdict for each in rows}[lessons] is Verdict.SAME
        with indexing.connected(where, OWNER) as connection:
            connection.execute(sa.delete(LESSONS).where(LESSONS.c.id == published))
        # Held against what is live now, as if it had stood still.
        live = comparing.contents(where, names.POSTGRES)
        changed = comparing.judged(live, live, comparing.contents(where, "restored"))
        assert {each.table: each.verdict for each in changed}[lessons] is Verdict.DIFFERS
    finally:
        drill.remove(where, "restored")
        huiju(platform, "lesson", "reindex")
    alike = sum(each.live for each in rows if each.verdict is Verdict.SAME)
    proof("a base backup restored into another PostgreSQL", f"{alike} rows alike, ready after {took:.0f} s")
    assert state.read(where.kubectl).healthy


@pytest.mark.slow
def test_instances_lost_with_their_volumes_come_back_from_the_archive(
    platform: Platform, where: Place, published: str, proof: Any
) -> None:
    huiju(platform, "lesson", "reindex")
    before = indexing.listed(where)
    assert published in {row["id"] for row in before}
    backup.backup(where, lambda _: None)
    first = state.archive_of(cluster_of(where))
    where.kubectl("delete", state.CLUSTERS, names.POSTGRES, "-n", state.SPACE, "--wait=true", "--timeout=25s")
    where.kubectl("wait", "--for=delete", "pvc", "-l", "cnpg.io/cluster=postgres", "-n", state.SPACE, "--timeout=25s")
    recovered = replace(platform.wanted, refresh=True, database_from=first)
    begun = time.monotonic()
    target = platform.cluster.target
    assert session.provision(recovered, target, Phases()) is not None
    took = time.monotonic() - begun
    assert indexing.listed(where) == before
    assert huiju(platform, "lesson", "reindex").stdout.splitlines()[0].endswith("0 written, 0 taken out")
    backup.backup(where, lambda _: None)
    now = state.read(where.kubectl)
    assert (now.healthy, now.archiving) == (True, True)
    assert state.archive_of(cluster_of(where)) != first, "the old one is never written again"
    again = session.provision(platform.wanted, target, Phases())
    assert again is not None
    assert not again.changed
    proof("PostgreSQL lost with its volumes, filled from its archive by `huiju up`", f"{took:.0f} s, no row missing")


def cluster_of(where: Place) -> dict[str, Any]:
    """The instances as the operator sees them."""
    found: dict[str, Any] = json.loads(
        where.kubectl("get", state.CLUSTERS, names.POSTGRES, "-n", state.SPACE, "-o", "json")
    )
    return found
