"""The index of lessons from outside the cluster: over a forwarded port, signed in as one of its roles, TLS checked."""

from __future__ import annotations

import configparser
import json
import tempfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from psycopg.errors import UndefinedTable
from sqlalchemy.exc import OperationalError, ProgrammingError

from catalog import names
from catalog.errors import UserError
from derive import database
from ops.lessons.place import Place
from services.lesson_index import rows

INDEX = names.DATABASE_LESSONS
DOWN = (
    "the database does not answer: {}\n`huiju status` and `huiju database status` say what is wrong with it. Lessons play without it; "
    "`huiju lesson show ID` and the portal's list need none"
)
BEHIND = "the list in the database is behind ({}): the hourly Job catches it up, `huiju lesson reindex` does it at once"


class DatabaseDownError(UserError):
    """The database did not answer, or did not do it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(DOWN.format(reason))


def files(place: Place, role: str) -> dict[str, str]:
    """Entries of the Secret of ``role``. Raises `UserError` when the cluster has none."""
    found = place.kubectl("get", "secret", names.role_secret(role), "-n", names.namespace(names.DATABASE), "-o", "json")
    return {key: b64decode(text).decode() for key, text in json.loads(found)["data"].items()}


@contextmanager
def connected(place: Place, role: str) -> Iterator[sa.Connection]:
    """A transaction as ``role`` in the index, committed when the body ends well. Raises `DatabaseDownError`."""
    try:
        with (
            address(place, lambda: files(place, role)) as words,
            sa.create_engine("postgresql+psycopg://", connect_args=words, poolclass=sa.NullPool).begin() as connection,
        ):
            yield connection
    except OperationalError as error:
        raise DatabaseDownError(str(error.orig).strip().splitlines()[0]) from error
    except ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable):
            raise UserError("the database has no list of lessons yet: `huiju up` makes it") from error
        raise


@contextmanager
def address(place: Place, read: Callable[[], dict[str, str]]) -> Iterator[dict[str, Any]]:
    """What libpq needs to reach the primary from here, by the entries of a role's Secret that ``read`` fetches."""
    with ExitStack() as open_until_done:
        # Only what goes wrong on the way: what the body refuses is its own affair.
        try:
            entries = read()
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(entries[database.SERVICE_FILE])
            forwarded = place.forwarded(names.DATABASE, database.writes(), database.PORT)
            url = open_until_done.enter_context(forwarded)
        except UserError as error:
            raise DatabaseDownError(str(error).splitlines()[0]) from error
        authority = Path(open_until_done.enter_context(tempfile.TemporaryDirectory()), database.AUTHORITY)
        authority.write_text(entries[database.AUTHORITY])
        (service,) = parser.sections()
        # The certificate is checked for the name inside the cluster, whatever the way there.
        way = {"hostaddr": "127.0.0.1", "port": str(urlsplit(url).port), "sslrootcert": str(authority)}
        yield {**parser[service], **way}


def listed(place: Place) -> list[dict[str, Any]]:
    """Every published lesson's record, newest first, read as the reader."""
    with connected(place, names.reader_role(INDEX)) as connection:
        return rows.listed(connection)


def follow(place: Place, change: Callable[[sa.Connection], object], say: Callable[[str], None]) -> bool:
    """Make ``change`` as the owner; when the database is down say that it will be caught up, and return False."""
    try:
        with connected(place, names.owner_role(INDEX)) as connection:
            change(connection)
    except DatabaseDownError as error:
        say(BEHIND.format(error.reason))
        return False
    return True
