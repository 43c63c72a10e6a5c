"""How long does a roster of 300,000 pupils take from its files into PostgreSQL, and how much memory does that need?

The roster is made up: teachers, parents, classes, enrolments and birth dates with it. The database is one on this machine, on its disk,
with PostgreSQL's own settings but for the memory that the production profile gives it. Looking is what the import does before anything
else, checking its first pass, copying and writing its second, in one transaction. Then the same roster comes again, and one in which one
pupil of a hundred has left. Memory is the command's own at its highest.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from catalog import City, load_named, names
from derive.pseudonym import Pseudonyms
from infra.profiles import PROFILES, ProfileName
from local import postgresql
from ops.phases import Phases
from ops.rosters import importing, sample
from ops.rosters.importing import Given
from ops.rosters.rows import Encoding
from ops.rosters.source import Source
from services.roster import migrate
from services.roster.policies import Roles

TITLE = "Taking a roster in"
CITY, PUPILS, TODAY = "neijiang", 300_000, date(2026, 11, 24)
LEAVE = 100
"""One pupil of so many has left in the third roster."""
OWNER, READER, KEEPER, SCHOOL = names.database_roles(names.DATABASE_ROSTER)
CHILD = "from benchmarks import roster; import sys; roster.child(*sys.argv[1:])"


def run() -> list[dict[str, Any]]:
    """One row for each phase of the first import, then for the whole of each."""
    memory = PROFILES[ProfileName.PROD].database_memory_mib
    with tempfile.TemporaryDirectory() as scratch, postgresql.running({"shared_buffers": f"{memory // 4}MB"}) as host:
        folder = Path(scratch, "roster")
        rows = sum(sample.write(grown(load_named(CITY)), folder, TODAY).values())
        _database(host)
        whole = _import(host, folder)
        again = _import(host, folder)
        _leave(folder)
        fewer = _import(host, folder)
        size = _size(host)
    people = whole["people"]
    about = f"{PUPILS:,} pupils, {people['added']:,} people, {rows:,} rows of the files"
    listed = [_row(f"first: {name}", seconds, note="") for name, seconds in whole["phases"].items()]
    return [
        _row("first: whole", whole["seconds"], cpu_seconds=whole["cpu"], note=about),
        *listed,
        _row("first: rows of the files a second", rows / whole["seconds"], unit="1/s"),
        _row("first: memory at its highest", whole["mib"], unit="MiB", note=f"the database holds {size} MiB then"),
        _row("the same again", again["seconds"], cpu_seconds=again["cpu"], note="nothing to do"),
        _row("one pupil of a hundred gone", fewer["seconds"], cpu_seconds=fewer["cpu"], note=json.dumps(fewer["people"])),
    ]  # fmt: skip


def grown(city: City) -> City:
    """The city with as many pupils as the benchmark is about, spread as its own are."""
    factor = PUPILS / sum(school.students for school in city.schools)
    sizes = [round(school.students * factor) for school in city.schools]
    sizes[0] += PUPILS - sum(sizes)
    schools = zip(city.schools, sizes, strict=True)
    return city.model_copy(update={"schools": tuple(each.model_copy(update={"students": n}) for each, n in schools)})


def child(host: str, folder: str) -> None:
    """One import as a process of its own; what it took is printed as JSON."""
    began, phases = time.monotonic(), Phases()
    given = Given(Source(Path(folder)), Encoding.UTF8, load_named(CITY), Pseudonyms("k" * 40), TODAY)
    done = importing.take(
        given, lambda: psycopg.connect(host=host, user=KEEPER, dbname=names.DATABASE_ROSTER), phases,
        by="a benchmark", removals=False, dry=False,
    )  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024,
        "phases": phases.seconds, "people": done.difference.counts() if done.difference else {},
    }  # fmt: skip
    print(json.dumps(found))


def _import(host: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", CHILD, host, str(folder)], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _database(host: str) -> None:
    postgresql.make(host, names.DATABASE_ROSTER, OWNER, (READER, KEEPER, SCHOOL))
    words = {"host": host, "user": OWNER, "dbname": names.DATABASE_ROSTER}
    engine = sa.create_engine("postgresql+psycopg://", connect_args=words, poolclass=sa.NullPool)
    with engine.begin() as connection:
        migrate.upgrade(connection, Roles(READER, KEEPER, SCHOOL))


def _leave(folder: Path) -> None:
    """Take every hundredth pupil out of the files, and out of their parents' rows."""
    with (folder / "demographics.csv").open(encoding="utf-8", newline="") as text:
        pupils = [row["sourcedId"] for row in csv.DictReader(text)]
    gone = set(pupils[::LEAVE])
    for file, column in (
        ("demographics", "sourcedId"), ("users", "sourcedId"), ("roles", "userSourcedId"), ("enrollments", "userSourcedId"),
    ):  # fmt: skip
        _without(folder / f"{file}.csv", column, gone)


def _without(path: Path, column: str, gone: set[str]) -> None:
    part = path.with_suffix(".part")
    with path.open(encoding="utf-8", newline="") as old, part.open("w", encoding="utf-8", newline="") as new:
        rows = csv.DictReader(old)
        writer = csv.DictWriter(new, rows.fieldnames or ())
        writer.writeheader()
        for row in rows:
            if row[column] not in gone:
                if agents := row.get("agentSourcedIds"):
                    row["agentSourcedIds"] = ",".join(each for each in agents.split(",") if each not in gone)
                writer.writerow(row)
    part.replace(path)


def _size(host: str) -> int:
    words = "SELECT pg_database_size(current_database()) / 1048576"
    with psycopg.connect(host=host, user=postgresql.ADMINISTRATOR, dbname=names.DATABASE_ROSTER) as connection:
        (found,) = connection.execute(words).fetchone() or (0,)
    return int(found)


def _row(name: str, value: float, unit: str = "s", note: str = "", **more: float) -> dict[str, Any]:
    return {"name": name, "n": 1, "unit": unit, "median": float(value), "note": note, **more}
