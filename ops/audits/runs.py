"""Puts a run of the platform on record: who ran what on which stack, and how much it changed. A chain of its own for each run."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import catalog
from catalog import City, names
from catalog.errors import UserError
from derive import audit, store
from derive.audit import Entry, Kind, Who
from ops.audits import anchors
from ops.lessons import place
from ops.lessons.place import Place
from services.entitlement.shipping import locking


def entry(city: City, stack: str, operation: str, changes: Mapping[str, int]) -> Entry:
    """What is recorded of a run; who ran it is the machine's user."""
    facts = {word: count for word, count in changes.items() if count}
    who = Who(None, None, getpass.getuser())
    return Entry(Kind.RUN, operation, f"stack/{stack}", "done", city.digest, who, {**facts})


def record(city_name: str, stack: str, operation: str, changes: Mapping[str, int], say: Callable[[str], None]) -> None:
    """Record a run that ended well. A store that does not answer is said and fails nothing: the platform is up."""
    try:
        city, where = catalog.load_named(city_name), place.of_stack(stack)
        anchors.remember(anchors.file(where), [_put(city, where, entry(city, stack, operation, changes))])
    except (UserError, OSError) as error:
        say(f"this run is not on the audit record: {str(error).splitlines()[0]}")


def _put(city: City, where: Place, what: Entry) -> audit.Head:
    now = datetime.now(UTC)
    writer = audit.writer_id(now, f"run-{os.uname().nodename}")
    only = audit.follow(audit.begin(writer), what, now)
    with where.bucket(store.AUDITOR, names.ENTITLEMENT, names.BUCKET_AUDIT) as bucket:
        locking(bucket.s3, bucket.name, locked_days(city))(audit.segment_key(writer, 1), audit.line(only))
    return only.head


def locked_days(city: City) -> int:
    """For how many days a record is locked in ``city``."""
    (days,) = (each.locked_days for each in city.service(names.ENTITLEMENT).buckets if each.id == names.BUCKET_AUDIT)
    if days is None:
        raise UserError("the catalog locks no audit record: set locked_days of the bucket audit")
    return days


def term(city: City) -> int | None:
    """After how many days a record is deleted in ``city``; None keeps it."""
    (days,) = (each.expire_days for each in city.service(names.ENTITLEMENT).buckets if each.id == names.BUCKET_AUDIT)
    return days
