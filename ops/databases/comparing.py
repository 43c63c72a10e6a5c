"""What is in live and in restored instances, table by table, as counts and digests: no row leaves the server.

Read through the server's own administrator inside its pod, who needs no password: a restored instance has those of its moment, which may
have been replaced since.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog import names
from derive import database
from ops.databases import state
from ops.lessons.place import POD_PATIENCE, Place

ADMINISTRATION = "postgres"
"""The database that every server has; also the container of its pod."""
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
CONTENTS = r"""
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT format($$SELECT %L, count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM %I.%I AS t$$,
              schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
\gexec
COMMIT;
"""
"""Of each table its name, rows, and a digest of all that is in them, of one moment."""
CLOSE_LOG = "SELECT pg_switch_wal()"
"""Ends the write-ahead log that is being written, so that it is archived at once and not within five minutes."""


@dataclass(frozen=True)
class Table:
    """One table of one database."""

    database: str
    name: str
    """With its schema."""


@dataclass(frozen=True)
class Held:
    """What is in a table."""

    rows: int
    digest: str


Contents = Mapping[Table, Held]
NOTHING = Held(0, "")


class Verdict(StrEnum):
    """How a restored table is judged: as the live one, other than it, or of one that was written to meanwhile."""

    SAME = "same"
    DIFFERS = "differs"
    MOVED = "moved on"


@dataclass(frozen=True)
class Rows:
    """How much a table holds on both sides, and what that says of the backup."""

    table: Table
    live: int
    restored: int
    verdict: Verdict


def contents(place: Place, cluster: str) -> Contents:
    """Every table of every database of ``cluster``. Raises `UserError` when it does not answer."""
    found: dict[Table, Held] = {}
    for (name,) in _asked(place, cluster, ADMINISTRATION, DATABASES):
        for table, rows, digest in _asked(place, cluster, name, CONTENTS):
            found[Table(name, table)] = Held(int(rows), digest)
    return found


def close_log(place: Place) -> None:
    """Have all that the live instances hold archived now."""
    _asked(place, names.POSTGRES, ADMINISTRATION, CLOSE_LOG)


def judged(before: Contents, after: Contents, restored: Contents) -> list[Rows]:
    """Every table. The live ones are read before the restore and after it: what stood still in between has to be the same."""
    tables = sorted({*before, *after, *restored}, key=lambda each: (each.database, each.name))
    return [
        Rows(
            each,
            after.get(each, NOTHING).rows,
            restored.get(each, NOTHING).rows,
            _verdict(*(side.get(each) for side in (before, after, restored))),
        )
        for each in tables
    ]


def _verdict(before: Held | None, after: Held | None, restored: Held | None) -> Verdict:
    if restored in {before, after}:
        return Verdict.SAME
    lost = before and after and before.rows and after.rows and not (restored and restored.rows)
    return Verdict.DIFFERS if before == after or lost else Verdict.MOVED


def _asked(place: Place, cluster: str, name: str, words: str) -> list[list[str]]:
    pod = ("-n", state.SPACE, POD_PATIENCE, "-i", f"service/{database.writes(cluster)}", "-c", ADMINISTRATION)
    psql = ("psql", "-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-d", name)
    return list(csv.reader(place.kubectl("exec", *pod, "--", *psql, stdin=words).splitlines()))
