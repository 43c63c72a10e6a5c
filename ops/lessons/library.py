"""What is published: read the records, and take a lesson out again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.errors import UserError
from derive import lesson
from services.packager import index
from services.packager.store import Bucket, code

BATCH = 500
"""Keys per request; S3 takes at most 1,000."""


def record(lessons: Bucket, lesson_id: str) -> dict[str, Any]:
    """The lesson's record; UserError when there is no such lesson."""
    found = lessons.read_json(lesson.record_key(lesson_id)) if lesson.LESSON_ID.fullmatch(lesson_id) else None
    if found is None:
        raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
    return found


def _versions(bucket: Bucket, prefix: str) -> Iterator[dict[str, str]]:
    try:
        for page in bucket.s3.get_paginator("list_object_versions").paginate(Bucket=bucket.name, Prefix=prefix):
            for row in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield {"Key": row["Key"], "VersionId": row["VersionId"]}
    except bucket.s3.exceptions.ClientError as error:
        if code(error) not in ("NotImplemented", "VersioningNotConfigured", "501"):
            raise
        yield from ({"Key": key} for key, _, _ in bucket.objects(prefix))


def purge(bucket: Bucket, prefix: str) -> int:
    """Delete every version of every object below ``prefix``; how many. RuntimeError when some stay."""
    rows = list(_versions(bucket, prefix))
    for at in range(0, len(rows), BATCH):
        answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": rows[at : at + BATCH], "Quiet": True})
        if answer.get("Errors"):
            raise RuntimeError(f"{len(answer['Errors'])} objects stay, for instance {answer['Errors'][0]}")
    return len(rows)


def remove(uploads: Bucket, lessons: Bucket, lesson_id: str) -> int:
    """Take the lesson out: first its record and the list, so that nobody starts it, then all that it consists of; objects deleted."""
    if not lesson.LESSON_ID.fullmatch(lesson_id):
        raise UserError(f"{lesson_id!r} is no lesson id: `huiju lesson list` shows them")
    lessons.delete([lesson.record_key(lesson_id)])
    index.rebuild(lessons)
    notes = [key for key, _, _ in uploads.objects(f"work/{lesson_id}/")]
    uploads.delete(notes)
    return purge(lessons, f"{lesson_id}/") + len(notes)
