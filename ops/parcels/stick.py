"""Make a parcel of lessons on a stick: fetched from the store, each file under its hash, the list of them signed last.

Interrupted, the same command goes on: what was fetched is noted as it is finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from catalog.access import Licence
from catalog.errors import UserError
from derive import lesson, lesson_parcel, prefetch, withdrawal
from derive.moments import stamp
from ops.lessons import library
from ops.parcels import signing
from services.packager.store import MISSING, Bucket, code

NOTES = "fetched.jsonl"
BLOCK = 1 << 20
Step = Callable[[int, int], None]
"""Bytes that are there, bytes in all."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What is on the stick."""

    files: int
    size: int
    """Bytes."""


@dataclass(frozen=True)
class _Wanted:
    """One object, as the store lists it."""

    lesson: str
    key: str
    size: int
    etag: str


def planned(lessons: Bucket, school: str) -> dict[str, list[str]]:
    """Lesson -> the renditions in which the school's published plan has it. UserError when there is no such plan."""
    plan = lessons.read_json(prefetch.KEY.format(school=school)) or {"items": []}
    paths = dict[str, list[str]]()
    for item in plan["items"]:
        paths.setdefault(item["lesson"], []).append(item["path"])
    if not paths:
        raise UserError(f"there is no plan of {school}: `huiju cdn status` shows who has one, --lessons needs none")
    found = {each: lesson_parcel.planned(library.record(lessons, each), mine) for each, mine in paths.items()}
    if old := [each for each, mine in found.items() if not mine]:
        raise UserError(
            f"the plan of {school} is older than what is played of {', '.join(old)}: publish the plan again"
        )
    return found


def make(
    lessons: Bucket, asked: Mapping[str, Sequence[str]], to: Path, step: Step, licences: Sequence[Licence]
) -> Made:
    """Put lessons into the folder ``to``, each in the renditions that ``asked`` says, in all where it says none.

    ``licences`` are the city's: each lesson's has to let it go offline. UserError says what stands in the way; nothing is signed then.
    """
    # Before the records are read: copying takes hours, and a lesson that is withdrawn meanwhile is on the stick; boxes are to keep it out.
    begun = datetime.now(UTC)
    records = {each: library.record(lessons, each) for each in asked}
    _refuse(list(records.values()), asked, licences)
    wanted = [row for each in asked for row in _wanted(lessons, records[each], asked[each])]
    to.mkdir(parents=True, exist_ok=True)
    notes = _notes(to)
    _check_room(to, [each for each in wanted if _there(to, notes, each) is None])
    total, done, rows, good = sum(each.size for each in wanted), 0, dict[str, list[Row]](), set[str]()
    with (to / NOTES).open("a", encoding="utf-8") as book:
        for each in wanted:
            row = _whole(to, _there(to, notes, each), good)
            if row is None:
                master = each.key == records[each.lesson]["master"]
                row = _fetched(lessons, to, each, records[each.lesson] if master else None, asked[each.lesson])
                # What the master playlist says depends on the renditions that are asked for.
                book.write("" if master else json.dumps([each.key, each.etag, row]) + "\n")
                book.flush()
                good.add(row["sha256"])
            rows.setdefault(each.lesson, []).append(row)
            done += each.size
            step(done, total)
    told = [{"id": each, "title": records[each].get("title", ""), "files": rows[each]} for each in asked]
    _sign(to, lesson_parcel.manifest(stamp(begun), told, lessons.read_json(withdrawal.KEY)))
    return Made(len(wanted), sum(row["bytes"] for each in rows.values() for row in each))


def _sign(to: Path, text: str) -> None:
    """The list, last. A stick may be pulled out any moment: the list counts only when all that it names is there."""
    os.sync()
    part = to / "manifest.new"
    part.write_text(signing.sign(text), encoding="utf-8")
    part.replace(to / lesson_parcel.MANIFEST)
    os.sync()


def _refuse(records: Sequence[Row], asked: Mapping[str, Sequence[str]], licences: Sequence[Licence]) -> None:
    """UserError with all that no stick can hold, or may."""
    wrong = [lesson_parcel.hindrance(record) for record in records]
    wrong.append(lesson_parcel.unknown(records, (name for names in asked.values() for name in names)))
    wrong.append(lesson_parcel.unlicensed(records, licences))
    if said := [each for each in wrong if each]:
        raise UserError("\n".join(said))


def _wanted(lessons: Bucket, record: Row, renditions: Sequence[str]) -> list[_Wanted]:
    listed = {key: (size, etag) for key, size, etag in lessons.objects(f"{record['id']}/")}
    try:
        keys = lesson_parcel.chosen(record, list(listed), renditions)
    except ValueError as error:
        raise UserError(f"{record['id']} {error}") from None
    found = [_Wanted(str(record["id"]), key, *listed[key]) for key in keys if key in listed]
    for each in found:
        if each.size > lesson_parcel.MOST_BYTES:
            raise UserError(f"{each.key} has {each.size >> 20} MiB: a stick takes no file of 4 GiB or more")
    return found


def _notes(to: Path) -> dict[tuple[str, str], Row]:
    """(Key, ETag) -> the row of a file that was fetched once; a line that is torn, or that a damaged stick made another, is none."""
    found = dict[tuple[str, str], Row]()
    book = (to / NOTES).read_text(encoding="utf-8", errors="replace") if (to / NOTES).exists() else ""
    for line in book.splitlines():
        with suppress(ValueError, TypeError, KeyError):
            key, etag, row = json.loads(line)
            # It is signed as it stands, so a box must be able to read it; notes are written in ASCII.
            if (
                line.isascii()
                and row["path"] == lesson.public_path(key)
                and lesson_parcel.HASH.fullmatch(row["sha256"])
            ):
                found[key, etag] = row
    return found


def _there(to: Path, notes: dict[tuple[str, str], Row], each: _Wanted) -> Row | None:
    """The row of a file that is on the stick already, by its size; `_whole` looks at what is in it."""
    row = notes.get((each.key, each.etag))
    file = _file(to, row["sha256"]) if row else None
    return row if row and file and file.exists() and file.stat().st_size == row["bytes"] else None


def _whole(to: Path, row: Row | None, good: set[str]) -> Row | None:
    """The same row where its file is what it says; one that is damaged goes. ``good`` are the hashes that were seen to be right."""
    if row is None or row["sha256"] in good:
        return row
    file = _file(to, row["sha256"])
    with suppress(OSError):  # A stick that cannot be read there is damaged, too.
        if lesson.content_hash(file) == row["sha256"]:
            good.add(row["sha256"])
            return row
    # Before it is fetched again, since there may be no room for both.
    file.unlink()
    return None


def _file(to: Path, digest: str) -> Path:
    return to / lesson_parcel.MEDIA / digest[:2] / digest


def _check_room(to: Path, missing: Sequence[_Wanted]) -> None:
    needed, free = sum(each.size + lesson_parcel.SLACK for each in missing), shutil.disk_usage(to).free
    if needed > free:
        raise UserError(
            f"{to} has {free >> 20} MiB free, {needed >> 20} MiB are needed: name fewer lessons, or fewer --renditions"
        )


def _fetched(lessons: Bucket, to: Path, each: _Wanted, record: Row | None, renditions: Sequence[str]) -> Row:
    """Fetch one object; its row of the list. ``record`` is given for a master playlist, which names only these renditions."""
    answer = _opened(lessons, each)
    part, digest, size = to / "fetched.new", hashlib.sha256(), 0
    with part.open("wb") as file:
        for block in _blocks(answer["Body"], record, renditions):
            digest.update(block)
            size += file.write(block)
        # What is noted is on the stick, also when it is pulled out: the note alone would have it missing for good.
        file.flush()
        os.fsync(file.fileno())
    target = _file(to, digest.hexdigest())
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    return {
        "path": lesson.public_path(each.key),
        "bytes": size,
        "sha256": digest.hexdigest(),
        "type": answer.get("ContentType", "application/octet-stream"),
        "cache": answer.get("CacheControl", "public, max-age=60"),
    }


def _opened(lessons: Bucket, each: _Wanted) -> Row:
    """The store's answer with the object. UserError where it went since it was listed: copying takes hours."""
    try:
        answer: Row = lessons.s3.get_object(Bucket=lessons.name, Key=each.key)
    except ClientError as error:
        if code(error) not in MISSING:
            raise
        raise UserError(
            f"the lesson {each.lesson} was withdrawn, or published anew, before all of it was copied: nothing is signed. Run the same "
            "command again: what was copied is kept, and it says which lessons are there no more"
        ) from None
    return answer


def _blocks(body: Any, record: Row | None, renditions: Sequence[str]) -> Iterator[bytes]:  # noqa: ANN401  # boto3's stream
    if record:
        yield lesson_parcel.fewer(body.read().decode(), record, renditions).encode()
        return
    yield from iter(lambda: body.read(BLOCK), b"")
