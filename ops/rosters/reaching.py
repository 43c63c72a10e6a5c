"""The roster's database from outside the cluster: over a forwarded port, signed in as one of its roles, TLS checked."""

from __future__ import annotations

import getpass
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Final

import psycopg
from psycopg.errors import UndefinedTable

from catalog import names
from catalog.errors import UserError
from derive.pseudonym import Pseudonyms
from ops.lessons import indexing
from ops.lessons.indexing import DatabaseDownError
from ops.lessons.place import Place
from ops.rosters import importing
from ops.rosters.importing import Connect

DOWN = (
    "the database does not answer: {}\n`huiju status` and `huiju database status` say what is wrong with it. Nothing was written; the "
    "same command again does it all"
)

REFUSED: Final = (
    "the database takes a value that this kit let through as none of its kind: {}. Nothing was written. That is a mistake of the kit: "
    "report it with this line, and without the file"
)
_COPIED: Final = re.compile(r"COPY (\w+), line (\d+), column (\w+)")


def _where(error: psycopg.DataError) -> str:
    """The kind of error and the place of the value in what was staged. Never the value: the database's own words have it."""
    kind = type(error).__name__
    found = _COPIED.match(error.diag.context or "")
    return f"{kind} at row {found[2]} of {found[1]}, column {found[3]}" if found else kind


@contextmanager
def connecting(place: Place, role: str) -> Iterator[Connect]:
    """Makes connections as ``role`` while the body runs. Raises `UserError` when the database does not answer, or goes away."""
    read = cache(lambda: indexing.files(place, role))
    try:
        with ExitStack() as open_until_done:

            def connect() -> psycopg.Connection:
                # Each over a port of its own: kubectl gives a port up when the server closes a connection before it does.
                words = open_until_done.enter_context(indexing.address(place, read))
                return psycopg.connect(**words)

            yield connect
    except DatabaseDownError as error:
        raise UserError(DOWN.format(error.reason)) from error
    except UndefinedTable as error:
        raise UserError(importing.NO_TABLES) from error
    except psycopg.DataError as error:
        raise UserError(REFUSED.format(_where(error))) from error
    except psycopg.OperationalError as error:
        raise UserError(DOWN.format(str(error).strip().splitlines()[0])) from error


def roster_key(place: Place) -> str:
    """The stack's key, under which ids of registers are hashed and codes of slips made. Raises `UserError` when the cluster has none."""
    found = place.kubectl(
        "get", "secret", names.ROSTER_KEY_SECRET, "-n", names.namespace(names.ENTITLEMENT), "-o", "json"
    )
    return b64decode(json.loads(found)["data"]["key"]).decode()


def pseudonyms(place: Place) -> Pseudonyms:
    """The hashes under that key."""
    return Pseudonyms(roster_key(place))


def who(place: Place) -> str:
    """Who is at work: as the cluster knows them, and as this machine does."""
    review = ("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    try:
        known = place.kubectl(*review).strip()
    except UserError:
        # A cluster before 1.28, or one that does not say.
        known = ""
    return f"{known or 'unknown'} ({getpass.getuser()})"
