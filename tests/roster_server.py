"""A roster's database on a PostgreSQL of this machine, with its roles and tables as in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from catalog import names
from derive.pseudonym import Pseudonyms
from local import postgresql
from ops.phases import Phases
from ops.rosters import importing
from ops.rosters.importing import Given, Outcome
from ops.rosters.rows import Encoding
from ops.rosters.source import Source
from services.roster import migrate
from services.roster.policies import Roles
from tests.ops.rosters import small

DATABASE = names.DATABASE_ROSTER
OWNER, READER, KEEPER, SCHOOL = names.database_roles(DATABASE)
ROLES = Roles(READER, KEEPER, SCHOOL)
KEY = "a-key-of-the-tests-with-forty-characters"
HASHES = Pseudonyms(KEY)
IMPORTING = """
import sys
from pathlib import Path
from tests import roster_server
roster_server.Server(sys.argv[1]).take(Path(sys.argv[2]))
"""
"""A run of the import as a program of its own: server, folder."""


@dataclass(frozen=True)
class Server:
    """The server, as what libpq takes for a host."""

    host: str

    def connect(self, role: str) -> psycopg.Connection:
        """A connection as ``role``."""
        return psycopg.connect(host=self.host, user=role, dbname=DATABASE)

    def owner(self) -> sa.Engine:
        """The tables' owner, as alembic connects."""
        words = {"host": self.host, "user": OWNER, "dbname": DATABASE}
        return sa.create_engine("postgresql+psycopg://", connect_args=words, poolclass=sa.NullPool)

    def migrate(self) -> None:
        """Bring tables and rights up to date, as the owner."""
        with self.owner().begin() as connection:
            migrate.upgrade(connection, ROLES)

    def rows(self, role: str, words: str, **settings: str) -> list[tuple[Any, ...]]:
        """What ``role`` finds with these settings of its transaction; ``huiju_x`` is written for ``huiju.x``."""
        with self.connect(role) as connection:
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, true)", (name.replace("_", ".", 1), value))
            return connection.execute(words).fetchall()

    def all(self, words: str) -> list[tuple[Any, ...]]:
        """What is really there."""
        return self.rows(postgresql.ADMINISTRATOR, words)

    def take(self, folder: Any, **changes: Any) -> Outcome:
        """Take a roster in."""
        options = {"removals": False, "dry": False, "city": small.city(), "hashes": HASHES, **changes}
        given = Given(Source(folder), Encoding.UTF8, options["city"], options["hashes"], small.TODAY)
        connect = lambda: self.connect(KEEPER)  # noqa: E731
        return importing.take(given, connect, Phases(), by="a test", removals=options["removals"], dry=options["dry"])


@contextmanager
def running() -> Iterator[Server]:
    """The server with an empty roster."""
    with postgresql.running() as host:
        postgresql.make(host, DATABASE, OWNER, (READER, KEEPER, SCHOOL))
        server = Server(host)
        server.migrate()
        yield server


def emptied(server: Server) -> None:
    """Take everything out again."""
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute("TRUNCATE people, roles, classes, enrolments, guardians, imports, consents, seats")
