"""How long does a roster of 300,000 pupils take from its files into PostgreSQL, and how much memory does that need?

The roster is made up: teachers, parents, classes, enrolments and birth dates with it. The database is one on this machine, on its disk,
with PostgreSQL's own settings but for the memory that the production profile gives it. Looking is what the import does before anything
else, checking its first pass, copying and writing its second, in one transaction. Then the same roster comes again, and one in which one
pupil of a hundred has left. Memory is the command's own at its highest. Beside it psql copies the same files into bare tables of text, in
turns; they are ordinary ones, in the database's log as the roster is. Nothing is checked, hashed, compared or indexed there, so it says
what the mere way into a database costs. CPU seconds are the command's and the server's together, its writers of log and pages included.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import sqlalchemy as sa

from benchmarks.report import row
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
from services.roster.policies import TABLES, Roles

TITLE = "Taking a roster in"
CITY, PUPILS, TODAY = "neijiang", 300_000, date(2026, 11, 24)
ROUNDS = 5
WHOLE, AGAIN, FEWER, COPIED = (
    "first: whole",
    "the same again",
    "one pupil of a hundred gone",
    "psql copies the same files",
)
SETTLING = 1.0
"""Seconds in which a server's process ends after its connection."""
LEAVE = 100
"""One pupil of so many has left in the third roster."""
OWNER, READER, KEEPER, SCHOOL = names.database_roles(names.DATABASE_ROSTER)
Found = dict[str, Any]
CHILD = "from benchmarks import roster; import sys; roster.child(*sys.argv[1:])"


def run() -> list[dict[str, Any]]:
    """A row for each phase of the first import, then for the whole of each. RuntimeError where not everything came in."""
    memory = PROFILES[ProfileName.PROD].database_memory_mib
    with tempfile.TemporaryDirectory() as scratch, postgresql.running({"shared_buffers": f"{memory // 4}MB"}) as host:
        folder, less = Path(scratch, "roster"), Path(scratch, "less")
        counts = sample.write(grown(load_named(CITY)), folder, TODAY)
        shutil.copytree(folder, less)
        _leave(less)
        _database(host)
        turns = {
            COPIED: partial(_copy, host, folder),
            WHOLE: partial(_import, host, folder),
            AGAIN: partial(_import, host, folder),
            FEWER: partial(_import, host, less),
        }
        took: dict[str, list[Found]] = {name: [] for name in turns}
        for number in range(ROUNDS):
            print(f"  round {number + 1} of {ROUNDS}", flush=True)
            _empty(host)
            for name, turn in turns.items():
                took[name].append(_measured(host, turn))
            _check({name: found[-1] for name, found in took.items()}, counts)
        return _rows(took, sum(counts.values()), _size(host))


def _measured(host: str, turn: Callable[[], Found]) -> Found:
    """What a turn found, with its own seconds and the processor's, of the command and of the server."""
    server, began = _server_cpu(host), time.monotonic()
    found = turn()
    seconds = time.monotonic() - began
    return {**found, "seconds": seconds, "cpu": found["cpu"] + _server_cpu(host) - server}


def _server_cpu(host: str) -> float:
    """Of the server, of every process of its that has ended, as a backend does with its connection, and of those that never do."""
    time.sleep(SETTLING)
    server = psutil.Process(int(Path(host, "data", "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]))
    ended = server.cpu_times()
    alive = [each.cpu_times() for each in (server, *server.children())]
    return ended.children_user + ended.children_system + sum(each.user + each.system for each in alive)


def _check(found: Mapping[str, Found], counts: Mapping[str, int]) -> None:
    """RuntimeError unless everybody is in, once."""
    copied, added = found[COPIED]["rows"], found[WHOLE]["people"]["added"]
    if copied != sum(counts.values()) or added != counts["users"] or found[AGAIN]["people"]:
        raise RuntimeError(f"{copied} rows and {added} people came in of {counts}; again: {found[AGAIN]['people']}")


def _rows(took: Mapping[str, Sequence[Found]], rows: int, size: int) -> list[dict[str, Any]]:
    seconds = {name: [each["seconds"] for each in found] for name, found in took.items()}
    cpu = {name: statistics.median(each["cpu"] for each in found) for name, found in took.items()}
    first, fewer = took[WHOLE], took[FEWER][0]["people"]
    about = f"{PUPILS:,} pupils, {first[0]['people']['added']:,} people, {rows:,} rows of the files"
    return [
        row(WHOLE, seconds[WHOLE], "s", about, cpu_seconds=cpu[WHOLE]),
        *(row(f"first: {name}", [each["phases"][name] for each in first], "s") for name in first[0]["phases"]),
        row("first: rows of the files a second", [rows / each for each in seconds[WHOLE]], "1/s"),
        row(
            "first: memory at its highest",
            [each["mib"] for each in first],
            "MiB",
            f"the database holds {size} MiB then",
        ),
        row(AGAIN, seconds[AGAIN], "s", "nothing to do", cpu_seconds=cpu[AGAIN]),
        row(FEWER, seconds[FEWER], "s", json.dumps(fewer), cpu_seconds=cpu[FEWER]),
        row(COPIED, seconds[COPIED], "s", "bare tables, nothing checked", cpu_seconds=cpu[COPIED]),
    ]


def grown(city: City) -> City:
    """The city with as many pupils as the benchmark is about, spread as its own are."""
    factor = PUPILS / sum(school.students for school in city.schools)
    sizes = [round(school.students * factor) for school in city.schools]
    sizes[0] += PUPILS - sum(sizes)
    schools = zip(city.schools, sizes, strict=True)
    return city.model_copy(update={"schools": tuple(each.model_copy(update={"students": n}) for each, n in schools)})


def child(host: str, folder: str) -> None:
    """One import as a process of its own; what it took is printed as JSON."""
    phases = Phases()
    given = Given(Source(Path(folder)), Encoding.UTF8, load_named(CITY), Pseudonyms("k" * 40), TODAY)
    done = importing.take(
        given, lambda: psycopg.connect(host=host, user=KEEPER, dbname=names.DATABASE_ROSTER), phases,
        by="a benchmark", removals=False, dry=False,
    )  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024,
        "phases": phases.seconds, "people": done.difference.counts() if done.difference else {},
    }  # fmt: skip
    print(json.dumps(found))


def _import(host: str, folder: Path) -> Found:
    done = subprocess.run([sys.executable, "-c", CHILD, host, str(folder)], check=True, capture_output=True, text=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def _copy(host: str, folder: Path) -> Found:
    """The peer: every file into an ordinary table of text, which is gone afterwards. (A temporary one would write no log.)"""
    words, gone = ["BEGIN;"], list[str]()
    for file in folder.glob("*.csv"):
        if file.stem != "manifest":
            with file.open(encoding="utf-8") as text:
                columns = ", ".join(f'"{name}" text' for name in next(csv.reader(text)))
            words.append(f"CREATE TABLE bare_{file.stem} ({columns});")
            gone.append(f"DROP TABLE bare_{file.stem};")
            words.append(f"\\copy bare_{file.stem} FROM '{file}' CSV HEADER")
    line = (
        postgresql.program("psql"),
        "-h",
        host,
        "-U",
        OWNER,
        "-d",
        names.DATABASE_ROSTER,
        "-X",
        "-v",
        "ON_ERROR_STOP=1",
    )
    before = os.times()
    said = subprocess.run(
        line, input="\n".join([*words, "COMMIT;", *gone]), check=True, capture_output=True, text=True
    ).stdout
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"rows": sum(int(row.split()[1]) for row in said.splitlines() if row.startswith("COPY ")), "cpu": cpu}


def _empty(host: str) -> None:
    """Nobody is in it, and nothing of an earlier round."""
    with psycopg.connect(host=host, user=postgresql.ADMINISTRATOR, dbname=names.DATABASE_ROSTER) as connection:
        connection.execute(f"TRUNCATE {', '.join(TABLES)}")


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
