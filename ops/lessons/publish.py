"""Publish one lesson, from the file to its URL; every step can be run again and goes on where the last run stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from catalog import City, names
from catalog.errors import UserError
from derive import ladder, lesson, packaging, withdrawal
from ops.lessons import captions, indexing, job, library, room, upload, withdrawing
from ops.lessons.dropping import Drop, dropping
from ops.lessons.place import Place
from ops.lessons.wish import Wish, about
from services.lesson_index import rows
from services.packager.packaging import Packaging
from services.packager.probe import probe
from services.packager.request import parse
from services.packager.store import Bucket


class Watcher(Protocol):
    """Who is told what happens."""

    def step(self, name: str, done: int, total: int) -> None:
        """Step ``name`` has done so much of ``total``."""

    def say(self, text: str) -> None:
        """A line that stays."""


def request(city: City, facts: dict[str, Any], content: str, lesson_id: str) -> dict[str, Any]:
    """What the packager is asked for."""
    return {
        "id": lesson_id,
        "content_hash": content,
        "recipe": ladder.recipe(city),
        "about": facts,
        "ladder": ladder.ladder(city),
        "download": ladder.download(city, facts["licence"]["id"]),
    }


def _up_to_date(record: dict[str, Any] | None, wanted: dict[str, Any]) -> bool:
    """Whether nothing has to be made in a Job: the media are there, and what may be taken away if anything may."""
    same = record is not None and all(record.get(key) == wanted[key] for key in ("content_hash", "recipe"))
    return same and (wanted["download"] is None or "download" in (record or {}))


def _rewrite(uploads: Bucket, lessons: Bucket, wanted: dict[str, Any]) -> dict[str, Any]:
    """Bring the record and the list up to date, and return the record; the media are there, so nothing is encoded."""
    with TemporaryDirectory() as folder:
        return Packaging(parse(json.dumps(wanted)), uploads, lessons, Path(folder), quiet=True).run()


def _check_room(place: Place, city: City, file: Path) -> None:
    free = room.free_bytes(place)
    seconds = probe(file.resolve(), 60).seconds if shutil.which("ffprobe") else 0
    rate = sum(rung.video_kbps for rung in city.ladder) + city.packaging.audio_kbps
    needed = file.stat().st_size + int(seconds * rate * 125)
    if free is not None and free < needed:
        raise UserError(
            f"the object store has {free / 2**20:.0f} MiB left and this lesson may take {needed / 2**20:.0f}: "
            "make its volume larger, or remove lessons with `huiju lesson rm`"
        )


@dataclass(frozen=True)
class Meant:
    """A wish in which nothing is wrong, and what it comes to before anything is sent."""

    wish: Wish
    facts: dict[str, Any]
    """As the lesson's record keeps them."""
    content: str
    """SHA-256 of the film."""

    @property
    def id(self) -> str:
        """The id that the lesson will have."""
        return lesson.lesson_id(self.content, self.wish.school)


def meant(city: City, wish: Wish) -> Meant:
    """Look at the wish and read the whole film once. Raises `UserError` with everything that is wrong with it."""
    return Meant(wish, about(wish, city), lesson.content_hash(wish.file))


def publish(place: Place, city: City, meant: Meant, watch: Watcher) -> str:
    """Publish what is ``meant`` and return the lesson's id; UserError in one clear line when it cannot be."""
    wish, content, lesson_id = meant.wish, meant.content, meant.id
    wanted = request(city, meant.facts, content, lesson_id)
    with place.buckets() as (uploads, lessons):
        if _up_to_date(lessons.read_json(lesson.record_key(lesson_id)), wanted):
            _finish(place, city, lessons, _rewrite(uploads, lessons, wanted), wish, watch)
            return lesson_id
        _check_room(place, city, wish.file)
        size = wish.file.stat().st_size
        upload.send(uploads, content, wish.file, lambda done: watch.step("upload", done, size))
    _package(place, city, wanted, size, watch)
    with place.buckets() as (_, lessons):
        _finish(place, city, lessons, library.record(lessons, lesson_id), wish, watch)
    return lesson_id


def _finish(  # noqa: PLR0917  # what a publish has in hand
    place: Place, city: City, lessons: Bucket, record: dict[str, Any], wish: Wish, watch: Watcher
) -> None:
    """Captions and the list. What an earlier licence or packaging gave to take away goes, and captions that others take the place of."""
    keep = withdrawal.kept(city)
    with dropping(place, lessons, record["id"], keep, watch.say) as drop:
        drop(library.old_downloads(lessons, record))
        _index(place, _spoken(lessons, record, wish, drop), watch)
        withdrawing.lift(lessons, record["id"], keep)


def _spoken(lessons: Bucket, record: dict[str, Any], wish: Wish, drop: Drop) -> dict[str, Any]:
    """The record with the captions of the wish; those that it has already in other languages stay."""
    found, wrong = captions.read(wish.captions, record["seconds"])
    if wrong:
        raise UserError("the lesson is published, its captions are not:\n  " + "\n  ".join(wrong))
    return captions.publish(lessons, record, found, drop) if found else record


def _index(place: Place, record: dict[str, Any], watch: Watcher) -> None:
    """Put the lesson in the database's list; it is published whether or not that succeeds."""
    indexing.follow(place, lambda connection: rows.put(connection, record), watch.say)


def _package(place: Place, city: City, wanted: dict[str, Any], size: int, watch: Watcher) -> None:
    name = names.package_job(wanted["id"], wanted["content_hash"])
    job.start(place, packaging.packaging_job(name, place.image, wanted, ladder.working_bytes(city, size)))
    job.follow(place, name, lambda said: watch.step("packaging", said["percent"], 100) if "percent" in said else None)
