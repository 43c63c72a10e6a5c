"""What is published: read the records, and take a lesson out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from catalog.errors import UserError
from derive import lesson
from ops.lessons import withdrawing
from services.entitlement import records
from services.entitlement.rules import Lesson
from services.packager import download, index
from services.packager.store import MASTER, Bucket, code

LEFT = ("id", "title", "school", "teacher", "subject", "licence", "published")
"""What is left of the record of a lesson whose place another has taken."""
BATCH = 500
"""Keys per request; S3 takes at most 1,000."""


def record(lessons: Bucket, lesson_id: str) -> dict[str, Any]:
    """The lesson's record; UserError when there is no such lesson."""
    found = lessons.read_json(lesson.record_key(lesson_id)) if lesson.LESSON_ID.fullmatch(lesson_id) else None
    if found is None:
        raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
    if lesson.REPLACED in found:
        raise UserError(f"the lesson {lesson_id} was replaced by {found[lesson.REPLACED]}")
    return found


def facts(record: Mapping[str, Any], lesson_id: str) -> Lesson:
    """What the record found under ``lesson_id`` says, as the entitlement service reads it. Raises `UserError` for a damaged one."""
    try:
        return records.facts(record)
    except records.UnreadableError as error:
        raise UserError(f"the record of {lesson_id} makes no sense ({error}): publish it again") from error


def _versions(bucket: Bucket, prefix: str) -> Iterator[dict[str, str]]:
    try:
        for page in bucket.s3.get_paginator("list_object_versions").paginate(Bucket=bucket.name, Prefix=prefix):
            for row in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": row["Key"], "VersionId": row["VersionId"]}
    except bucket.s3.exceptions.ClientError as error:
        if code(error) not in ("NotImplemented", "VersioningNotConfigured", "501"):
            raise
        yield from ({"Key": key} for key, _, _ in bucket.objects(prefix))


def purge(bucket: Bucket, prefix: str, spared: str | None = None) -> int:
    """Delete every version of every object below ``prefix`` but the key ``spared``; how many. RuntimeError when some stay."""
    rows = [row for row in _versions(bucket, prefix) if row["Key"] != spared]
    for at in range(0, len(rows), BATCH):
        answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": rows[at : at + BATCH], "Quiet": True})
        if answer.get("Errors"):
            raise RuntimeError(f"{len(answer['Errors'])} objects stay, for instance {answer['Errors'][0]}")
    return len(rows)


def keys(lessons: Bucket, lesson_id: str) -> set[str]:
    """Everything that caches may hold of a lesson, also what was deleted of it: its older versions are there still, and maybe copies."""
    return {row["Key"] for row in _versions(lessons, f"{lesson_id}/")}


def old_downloads(lessons: Bucket, record: dict[str, Any]) -> set[str]:
    """Keys of what might be taken away of a lesson before, in any version: all but the file that its record names."""
    found = {row["Key"] for row in _versions(lessons, download.prefix(record["id"]))}
    return found - {record.get("download", {}).get("path")}


def remove(uploads: Bucket, lessons: Bucket, lesson_id: str, keep: timedelta) -> int:
    """Take the lesson out: first its record and the list, so that nobody starts it, then all that it consists of; objects deleted.

    The caches are told in between, and for ``keep``.
    """
    if not lesson.LESSON_ID.fullmatch(lesson_id):
        raise UserError(f"{lesson_id!r} is no lesson id: `huiju lesson list` shows them")
    named = _keys(lessons, lesson_id)
    lessons.delete([lesson.record_key(lesson_id)])
    index.rebuild(lessons)
    withdrawing.announce(lessons, lesson_id, named, keep)
    return _drop_notes(uploads, lesson_id) + purge(lessons, f"{lesson_id}/")


def supersede(uploads: Bucket, lessons: Bucket, old: str, new: str, keep: timedelta) -> int:
    """Take the lesson ``old`` out, whose place ``new`` has taken: as `remove`, but its record stays and says so; objects deleted.

    Whatever ``old`` took the place of leads to ``new`` from now on.
    """
    named = _keys(lessons, old)
    for key in {lesson.record_key(old), *_led_to(lessons, old)}:
        found = lessons.read_json(key) or {}
        left = {name: found[name] for name in LEFT if name in found}
        lessons.put(key, index.record_body({**left, lesson.REPLACED: new}), MASTER)
    index.rebuild(lessons)
    withdrawing.announce(lessons, old, named, keep)
    return _drop_notes(uploads, old) + purge(lessons, f"{old}/", lesson.record_key(old))


def _led_to(lessons: Bucket, lesson_id: str) -> list[str]:
    """Keys of the records that say that this lesson took their place."""
    keys = [key for key, _, _ in lessons.objects("") if key.endswith(f"/{index.RECORD}") and key.count("/") == 1]
    return [key for key in keys if (lessons.read_json(key) or {}).get(lesson.REPLACED) == lesson_id]


def _keys(lessons: Bucket, lesson_id: str) -> list[str]:
    """Everything that caches may hold of a lesson, its record included even when that is gone already."""
    return sorted({lesson.record_key(lesson_id), *keys(lessons, lesson_id)})


def _drop_notes(uploads: Bucket, lesson_id: str) -> int:
    notes = [key for key, _, _ in uploads.objects(f"work/{lesson_id}/")]
    uploads.delete(notes)
    return len(notes)
