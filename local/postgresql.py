"""A PostgreSQL of this machine in a folder of its own, for tests and measurements: no port, one user, gone afterwards.

The server refuses to run as root; there it runs as the user whom Debian's package makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from catalog.errors import UserError

ROOMS: Final = Path("/usr/lib/postgresql")
"""Where Debian puts the server's programs, by version."""
ADMINISTRATOR: Final = "postgres"
READY_SECONDS: Final = 60.0
QUICK: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For what is thrown away."""


def program(name: str) -> str:
    """Path of a program of the server, of the newest version. Raises `UserError` when there is none."""
    found = sorted(ROOMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise UserError(f"no {name} on this machine: `huiju doctor` says how to install PostgreSQL")
    return path


@contextmanager
def running(settings: dict[str, str] | None = None) -> Iterator[str]:
    """A fresh server, as the folder of its socket: what libpq takes as `host`. ``settings`` are its own, `QUICK` when not given."""
    given = QUICK if settings is None else settings
    who = _user()
    folder = Path(tempfile.mkdtemp(prefix="huiju-pg-"))
    if who:
        os.chown(folder, who["user"], who["group"])
    try:
        data = str(folder / "data")
        words = ("-D", data, "-U", ADMINISTRATOR, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        subprocess.run([program("initdb"), *words], check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
        options = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "20", **given}
        command = [
            program("postgres"),
            "-D",
            data,
            *(word for key in options for word in ("-c", f"{key}={options[key]}")),
        ]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stderr=log, stdout=log, cwd="/", **who) as server,
        ):
            try:
                _wait(server, folder)
                yield str(folder)
            finally:
                server.send_signal(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make(host: str, database: str, owner: str, others: Sequence[str]) -> None:
    """A database, the role that owns it, and other roles of the server."""
    with psycopg.connect(host=host, user=ADMINISTRATOR, autocommit=True) as connection:
        for role in (owner, *others):
            connection.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN").format(psycopg.sql.Identifier(role)))
        words = psycopg.sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(words.format(psycopg.sql.Identifier(database), psycopg.sql.Identifier(owner)))


def _user() -> dict[str, Any]:
    """Whom the server runs as, for `subprocess`: nobody else unless this is root."""
    if os.geteuid() != 0:
        return {}
    try:
        found = pwd.getpwnam(ADMINISTRATOR)
    except KeyError:
        found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user=ADMINISTRATOR).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = (folder / "log").read_text(errors="replace").strip()
                raise UserError(f"PostgreSQL did not start: {said[-400:]}") from error
            time.sleep(0.05)
        else:
            return
