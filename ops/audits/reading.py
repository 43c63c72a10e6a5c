"""The audit record as it lies in the bucket or in a folder, with what somebody did to the objects themselves.

Nobody can delete a version there before its days are over, but who may write can put another one over it, and who may delete can hide
it. So every version is looked at, and the first one counts: it is what the writer shipped.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from catalog.errors import UserError
from catalog.problems import printable
from derive import audit
from derive.audit import CHAIN_HOURS, Record
from derive.audit_chain import Finding, ordered
from derive.versions import Versions
from services.packager.store import Bucket

READERS = 8
"""Objects fetched at once, and held until somebody comes to them."""


Segments = Iterator[tuple[str, bytes]]
"""Keys with their contents: chain by chain, the segments of each by their numbers."""


@dataclass(frozen=True)
class Kept:
    """The record as it lies somewhere: far more than fits into memory."""

    segments: Callable[[], Segments]
    """Reads it from its beginning, each segment when it is come to; nothing is held of those before."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong with the objects, as far as they were come to."""


def from_folder(folder: Path) -> Kept:
    """Segments that were downloaded. Raises `UserError` when there is no such folder or no segment in it."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name the one that the segments were downloaded to")
    if not any(map(audit.segment_of, _names(folder))):
        raise UserError(f"{folder} holds no segment: they are called WRITER/NUMBER{audit.SUFFIX}, as in the bucket")
    return Kept(lambda: ((name, (folder / name).read_bytes()) for name in _names(folder)))


def _names(folder: Path) -> Iterator[str]:
    for top in sorted(folder.iterdir()):
        files = [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]
        yield from ordered(path.relative_to(folder).as_posix() for path in files)


def from_bucket(bucket: Bucket, since: datetime | None = None) -> Kept:
    """Every segment of every chain that may have records later than ``since``, as long as the bucket can be reached."""
    after = f"{since - timedelta(hours=CHAIN_HOURS):%Y%m%dT}" if since else ""
    findings: list[Finding] = []

    def read(key: str, version: str) -> bytes:
        return bytes(bucket.s3.get_object(Bucket=bucket.name, Key=key, VersionId=version)["Body"].read())

    def segments() -> Segments:
        findings.clear()
        return _ahead(read, (each for below in _listed(bucket, after) for each in _first(below, findings)))

    return Kept(segments, findings)


def _listed(bucket: Bucket, after: str) -> Iterator[Versions]:
    """One chain after another, as a store lists them by name: held are a page, and the chain that goes on in the next one."""
    held: dict[str, Versions] = defaultdict(Versions)
    more = {"KeyMarker": after} if after else {}
    for page in bucket.s3.get_paginator("list_object_versions").paginate(Bucket=bucket.name, **more):
        for row in page.get("Versions", []):
            held[_top(row["Key"])].take(row)
        for row in page.get("DeleteMarkers", []):
            held[_top(row["Key"])].mark(row)
        goes_on = _top(page["NextKeyMarker"]) if page.get("IsTruncated") else None
        for top in [each for each in held if each != goes_on]:
            yield held.pop(top)


def _top(key: str) -> str:
    return key.partition("/")[0]


def _first(below: Versions, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    """Keys of a chain with their first versions; what somebody did to the objects goes to ``findings``."""
    findings += (Finding(*_place(key), says) for key, says in below.done())
    for key in ordered(below.kept):
        yield key, below.first(key)


def _place(key: str) -> tuple[str, int | None]:
    return audit.segment_of(key) or (key, None)


def _ahead(read: Callable[[str, str], bytes], objects: Iterable[tuple[str, str]]) -> Segments:
    """Contents in the order of ``objects`` (key, version): some are fetched ahead of who reads, and never more."""
    waits: deque[tuple[str, Future[bytes]]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        for key, version in objects:
            waits.append((key, pool.submit(read, key, version)))
            if len(waits) == READERS:
                yield _next(waits)
        while waits:
            yield _next(waits)


def _next(waits: deque[tuple[str, Future[bytes]]]) -> tuple[str, bytes]:
    key, content = waits.popleft()
    return key, content.result()


def shown(segments: Segments) -> Segments:
    """The same, and on a terminal how far it is."""
    columns = (
        TextColumn("Reading the record {task.description}", markup=False),
        TextColumn("{task.completed:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        for key, content in segments:
            # A writer's name begins with the day; any other name is somebody's own.
            bar.update(task, advance=1, description=printable(key[:8]))
            yield key, content


def records(segments: Iterable[tuple[str, bytes]]) -> Iterator[Record]:
    """Every record that can be read, as they lie; damaged ones are passed over, since `huiju audit verify` names them."""
    for _, content in segments:
        yield from audit.parsed(content)


def by_time(found: Iterable[Record]) -> list[Record]:
    """Each once, the newest last. Holds them all: take out what is not wanted before."""
    return sorted(
        {each.hash: each for each in found}.values(), key=lambda each: (each.time, each.writer, each.sequence)
    )
