"""Taking a roster in: nothing is written unless all of it is right, and then all of it in one transaction.

A run that is killed leaves nothing behind, its staging tables included, and the next one does the whole again: that is minutes, and
nobody has to know how far the first one came. A roster that is in already, read by the same catalog and key, is not looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
from psycopg.errors import LockNotAvailable, UndefinedTable

from catalog import City
from catalog.errors import UserError
from derive.pseudonym import Pseudonyms
from ops.phases import Phases
from ops.rosters import claimed, merging
from ops.rosters.checking import Checked, check
from ops.rosters.difference import MOST_REMOVED, REMOVED, Difference, difference
from ops.rosters.rows import Encoding
from ops.rosters.source import Source
from ops.rosters.staging import CHANGED, Stage
from services.roster.policies import IMPORT, PURPOSE

ALONE: Final = 0x05E7
"""The advisory lock of whoever takes a roster in."""
PATIENCE: Final = "60s"
"""How long another import is waited for; the server sees within ten seconds that one was killed."""
SETTINGS: Final = {"lock_timeout": PATIENCE, "client_connection_check_interval": "10s"}
"""Settings of the transaction."""
BUSY: Final = "another roster is being taken in: nothing was written; run the same command again when it is done"
NO_TABLES: Final = "the database has no tables of the roster yet, or not all: `huiju up` makes them"
Connect = Callable[[], psycopg.Connection]


@dataclass(frozen=True)
class Given:
    """What is taken in, and by what it is read."""

    source: Source
    encoding: Encoding
    city: City
    pseudonyms: Pseudonyms
    today: date


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would have done."""

    difference: Difference | None
    """None: the same roster is in already, since ``at`` in the city's time zone."""
    at: datetime | None = None
    written: bool = False


def take(given: Given, connect: Connect, phases: Phases, *, by: str, removals: bool, dry: bool) -> Outcome:
    """Take the roster in as ``by``; ``removals`` lets it switch off however many, ``dry`` only looks.

    Raises `UserError` with what is wrong with it, or when it would switch off too many.
    """
    with phases.phase("look"):
        digest = given.source.digest()
        with keeper(connect) as connection:
            since = _there(connection, given, digest)
            _same_key(connection, given, allowed=removals or dry)
    if since:
        return Outcome(None, since.astimezone(ZoneInfo(given.city.timezone)))
    with phases.phase("check"):
        found = check(given.source, given.city, given.today, given.encoding)
    with keeper(connect) as connection:
        return _taken(connection, given, found, digest, phases, by=by, removals=removals, dry=dry)


def _taken(
    connection: psycopg.Connection, given: Given, found: Checked, digest: str, phases: Phases, *, by: str,
    removals: bool, dry: bool,
) -> Outcome:  # fmt: skip
    stage = Stage(found, given.city, given.pseudonyms)
    places = stage.places()
    with phases.phase("copy"):
        # Until this transaction ends; what else is going on is waited for.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (ALONE,))
        stage.fill(connection, phases.now)
        if given.source.digest() != digest:
            raise UserError(CHANGED)
        claimed.refuse(connection, found, given.city, places, given.pseudonyms)
    with phases.phase("compare"):
        nowhere = _nowhere(connection, given.city)
        differing = difference(connection, places, nowhere, given.city.minors.guardian_consent_by)
    if dry:
        connection.rollback()
        return Outcome(differing)
    if differing.too_many and not removals:
        raise UserError(too_many(differing))
    with phases.phase("write"):
        merging.merge(connection, places, nowhere, given.city.minors.guardian_consent_below)
        said = {"by": by, "file": digest, "catalog": given.city.digest, "key": given.pseudonyms.mark()}
        merging.record(connection, differing, places, said)
    return Outcome(differing, written=True)


@contextmanager
def keeper(connect: Connect, purpose: str = IMPORT, busy: str = BUSY) -> Iterator[psycopg.Connection]:
    """A transaction of the keeper, committed when the body ends well. Raises `UserError` where the tables lack, or with ``busy``."""
    try:
        with connect() as connection:
            for name, value in (*SETTINGS.items(), (PURPOSE, purpose)):
                connection.execute("SELECT set_config(%s, %s, true)", (name, value))
            yield connection
    except UndefinedTable as error:
        raise UserError(NO_TABLES) from error
    except LockNotAvailable as error:
        raise UserError(busy) from error


_THERE: Final = """
SELECT i.at FROM imports i
WHERE (i.file, i.catalog, i.key) = (%(file)s, %(catalog)s, %(key)s)
AND NOT EXISTS (SELECT FROM imports later WHERE later.id > i.id AND later.places && i.places)
AND NOT EXISTS (SELECT FROM guardians g JOIN people p ON p.id = g.guardian WHERE NOT p.enabled)
AND NOT EXISTS (SELECT FROM people p JOIN roles r ON r.person = p.id WHERE p.guarded_below < %(below)s AND r.place = ANY(i.places))
ORDER BY i.id DESC LIMIT 1
"""
"""When this roster came in, unless another one has spoken for any of its places since, or there is left from an older kit what the next
import ends: guardians who may not sign in, and people of whom it is not known by which age a guardian has a say."""


def _nowhere(connection: psycopg.Connection, city: City) -> list[str]:
    """Places at which somebody has a role and that the city has no more, so that no roster can speak for them."""
    known = [*city.by_code, *(each.division_code for each in city.districts), city.division_code]
    return [row[0] for row in connection.execute("SELECT DISTINCT place FROM roles WHERE place <> ALL(%s)", (known,))]


def _there(connection: psycopg.Connection, given: Given, digest: str) -> datetime | None:
    below = given.city.minors.guardian_consent_below
    about = {"file": digest, "catalog": given.city.digest, "key": given.pseudonyms.mark(), "below": below}
    found: tuple[Any, ...] | None = connection.execute(_THERE, about).fetchone()
    return found[0] if found else None


def _same_key(connection: psycopg.Connection, given: Given, *, allowed: bool) -> None:
    """Refuse a key that is not the last roster's: everybody would be somebody else."""
    found = connection.execute("SELECT key FROM imports ORDER BY id DESC LIMIT 1").fetchone()
    if found and found[0] != given.pseudonyms.mark() and not allowed:
        raise UserError(
            "huiju:rosterKey is not the key under which people are in the database: put the former one back. Where it is lost, "
            "`--allow-removals` takes everybody in anew, and what was kept under their former ids belongs to nobody"
        )


def too_many(found: Difference) -> str:
    """Why a roster is not taken in, and what to do."""
    lines = [
        f"the roster would switch off {found.count(REMOVED):,} of {found.here:,} people; more than {MOST_REMOVED:.0%} is taken for "
        "an export that was cut off"
    ]
    lines += [
        f"  {place} would lose {lost:,} of {there:,}: more than half" for place, (lost, there) in found.emptied.items()
    ]
    lines.append(
        "nothing was written. See where with `huiju roster diff`; where it is right (after a school year), add `--allow-removals`"
    )
    return "\n".join(lines)
