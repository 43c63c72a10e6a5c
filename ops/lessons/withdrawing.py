"""Tell the caches what is withdrawn, before it is deleted, or purged: the one place that writes `withdrawn.json` (`derive.withdrawal`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from catalog.errors import UserError
from derive import withdrawal
from derive.withdrawal import Entry
from services.packager.store import Bucket

TRIES = 50
"""Of writing it while others do."""


def announce(lessons: Bucket, lesson_id: str, keys: Iterable[str], keep: timedelta) -> None:
    """Name every path of the lesson, whose objects have these keys. UserError when it cannot be written: nothing may be deleted then."""
    named = list(keys)
    _change(lessons, lambda known: withdrawal.noted(known, lesson_id, named, datetime.now(UTC), keep))


def announce_purge(lessons: Bucket, lesson_id: str, keys: Iterable[str], keep: timedelta) -> None:
    """Name these objects of a lesson that stays as it is. UserError when it cannot be written."""
    named = list(keys)
    _change(lessons, lambda known: withdrawal.purged(known, lesson_id, named, datetime.now(UTC), keep))


def lift(lessons: Bucket, lesson_id: str, keep: timedelta) -> None:
    """The lesson is there again: its paths are not named any more."""
    if announced(lessons, lesson_id):
        _change(lessons, lambda known: withdrawal.lifted(known, lesson_id, datetime.now(UTC), keep))


def announced(lessons: Bucket, lesson_id: str) -> bool:
    """Whether the caches were told that this lesson is withdrawn."""
    known = withdrawal.entries(lessons.read_json(withdrawal.KEY))
    return any(row["id"] == lesson_id and not withdrawal.of_purge(row) for row in known)


def _change(lessons: Bucket, change: Callable[[list[Entry]], list[Entry]]) -> None:
    for _ in range(TRIES):
        found = lessons.get(withdrawal.KEY)
        text = json.dumps({"lessons": change(withdrawal.entries(_read(found)))}, indent=1) + "\n"
        if lessons.put_if(withdrawal.KEY, text.encode(), found[1] if found else None, withdrawal.CACHE):
            return
    raise UserError("the list of withdrawn lessons changes faster than it can be written: run this again")


def _read(found: tuple[bytes, str] | None) -> object:
    """A damaged list is written anew."""
    try:
        return json.loads(found[0]) if found else None
    except ValueError:
        return None
