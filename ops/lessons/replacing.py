"""A corrected film takes a lesson's place: it is published under the old one's facts, then the old one goes and leads to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import City
from catalog.errors import UserError
from derive import lesson, withdrawal
from ops.cdns import doors, purging
from ops.lessons import indexing, job, library, publish
from ops.lessons.place import Place
from ops.lessons.wish import Wish
from services.lesson_index import rows
from services.packager import index
from services.packager.store import MASTER, Bucket


@dataclass(frozen=True)
class Replacing:
    """Which lesson by which film, and the film's captions (``LANG=FILE``)."""

    old: str
    file: Path
    captions: tuple[str, ...] = ()


def wish(record: dict[str, Any], wanted: Replacing) -> Wish:
    """The film under the facts of the lesson ``record``, which may have been replaced by it already (an interrupted run).

    UserError when it is what the lesson plays, or when another film has taken its place.
    """
    school = record["school"]["code"]
    try:
        new = lesson.lesson_id(lesson.content_hash(wanted.file), school)
    except OSError as error:
        raise UserError(f"{wanted.file} cannot be read: {error.strerror}") from error
    if new == wanted.old:
        raise UserError(f"{wanted.file} is what {wanted.old} plays already")
    if record.get(lesson.REPLACED, new) != new:
        raise UserError(f"{wanted.old} was replaced by {record[lesson.REPLACED]}: replace that one")
    teacher, subject = record.get("teacher"), record.get("subject")
    return Wish(
        wanted.file, record["title"], school, teacher, subject, record["licence"]["id"], wanted.captions, replaces=True
    )


def replace(place: Place, city: City, wanted: Replacing, watch: publish.Watcher) -> str:
    """Publish the film, let the old lesson lead to it, and return the new id. Interrupted, the same call goes on."""
    if not lesson.LESSON_ID.fullmatch(wanted.old):
        raise UserError(f"{wanted.old!r} is no lesson id: `huiju lesson list` shows them")
    with place.buckets() as (_, lessons):
        record = lessons.read_json(lesson.record_key(wanted.old))
    if record is None:
        raise UserError(f"there is no lesson {wanted.old!r}: `huiju lesson list` shows the published ones")
    new = publish.publish(place, city, publish.meant(city, wish(record, wanted)), watch)
    job.remove_of(place, wanted.old)
    with place.buckets() as (uploads, lessons):
        made = note(lessons, new, wanted.old)
        library.supersede(uploads, lessons, wanted.old, new, withdrawal.kept(city))
        paths = purging.paths_of(lessons, wanted.old)
    indexing.follow(
        place, lambda connection: (rows.put(connection, made), rows.forget(connection, wanted.old)), watch.say
    )
    purging.pods(doors.of(place), [path for path in paths if path != lesson.public_path(lesson.record_key(wanted.old))])
    return new


def note(lessons: Bucket, new: str, old: str) -> dict[str, Any]:
    """Let the record of ``new`` say whose place it took, and return it. Of what others change in it meanwhile nothing is lost."""
    key = lesson.record_key(new)
    for _ in range(index.TRIES):
        found, etag = lessons.seen(key)
        if found is None or lesson.REPLACED in found:
            found = library.record(lessons, new)  # says which of the two it is
        record = {**found, "replaces": old}
        if etag and lessons.put_if(key, index.record_body(record), etag, MASTER):
            return record
    raise UserError("the lesson's record changes faster than it can be written: run this again")
