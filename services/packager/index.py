"""The list of published lessons, rebuilt from their records: it can be lost at any time and made again.

Two packagers may finish at once. Each reads the list, then the records, and writes only if the list is still the one it read; whoever was
overtaken does it again. A store that ignores the condition is still right in the end: everyone looks once more after writing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import captions
from .store import INDEX, MASTER, Bucket

KEY = "index.json"
RECORD = "lesson.json"
REPLACED = "replaced_by"
"""Key of a record that only says which lesson took this one's place: old links lead there, and no list names it."""
LISTED = (
    "id",
    "title",
    "school",
    "teacher",
    "subject",
    "licence",
    "seconds",
    "published",
    "master",
    "poster",
    "width",
    "height",
    "live",
)
"""What the list repeats of each record."""

TRIES = 50
"""Of writing the list, or a record, while others do."""


class ContendedError(Exception):
    """The list changed under every one of our tries; trying again later helps."""


def record_key(lesson_id: str) -> str:
    """Key of a lesson's record."""
    return f"{lesson_id}/{RECORD}"


def records(bucket: Bucket) -> list[dict[str, Any]]:
    """Every lesson's record, newest first, then by id."""
    keys = [key for key, _, _ in bucket.objects("") if key.count("/") == 1 and key.endswith("/" + RECORD)]
    found = [record for record in map(bucket.read_json, keys) if record and "id" in record and REPLACED not in record]
    return sorted(sorted(found, key=lambda r: str(r["id"])), key=lambda r: str(r.get("published", "")), reverse=True)


def record_body(record: Mapping[str, Any]) -> bytes:
    """A lesson's record as stored: the same facts always give the same bytes."""
    return (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def body(lessons: list[dict[str, Any]]) -> bytes:
    """The list as stored: the same records always give the same bytes."""
    rows = [{key: lesson[key] for key in LISTED if lesson.get(key) is not None} for lesson in lessons]
    return (json.dumps({"lessons": rows}, ensure_ascii=False, indent=1) + "\n").encode()


def rebuild(bucket: Bucket) -> None:
    """Make the list say what the records say."""
    for _ in range(TRIES):
        found = bucket.get(KEY)
        wanted = body(records(bucket))
        if found and found[0] == wanted:
            return
        bucket.put_if(KEY, wanted, found[1] if found else None, INDEX)
    raise ContendedError("the list of lessons changes faster than it can be written; run this again")


def name_captions(bucket: Bucket, master: str, rows: Sequence[Mapping[str, str]]) -> bool:
    """Have the ``master`` playlist name these captions and no others; False where it is gone. One that does is not touched."""
    found = bucket.get(master)
    if found is None:
        return False
    text = captions.listed(found[0].decode(), master, rows).encode()
    if text != found[0]:
        bucket.put(master, text, MASTER)
    return True
