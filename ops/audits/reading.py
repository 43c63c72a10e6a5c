"""The audit record as it lies in the bucket or in a folder, with what somebody did to the objects themselves.

Nobody can delete a version there before its days are over, but who may write can put another one over it, and who may delete can hide
it. So every version is looked at, and the first one counts: it is what the writer shipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from derive import audit
from derive.audit import CHAIN_HOURS, DamagedError, Record
from derive.audit_chain import Finding
from services.packager.store import Bucket

READERS = 8
"""Objects fetched at once."""


@dataclass(frozen=True)
class Kept:
    """Segments by key, and what is wrong with the objects that hold them."""

    segments: Mapping[str, bytes]
    findings: tuple[Finding, ...] = ()


def from_folder(folder: Path) -> Kept:
    """Segments that were downloaded. Raises `UserError` when there is no such folder or no segment in it."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name the one that the segments were downloaded to")
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    if not any(map(audit.segment_of, found)):
        raise UserError(f"{folder} holds no segment: they are called WRITER/NUMBER{audit.SUFFIX}, as in the bucket")
    return Kept(found)


def from_bucket(bucket: Bucket, since: datetime | None = None) -> Kept:
    """Every segment of every chain that may have records later than ``since``."""
    after = f"{since - timedelta(hours=CHAIN_HOURS):%Y%m%dT}" if since else ""
    versions, hidden = _versions(bucket, after)
    findings = [
        Finding(*_place(key), "the object was deleted and hides; its first version is still there") for key in hidden
    ]
    for key, rows in versions.items():
        if len({row["ETag"] for row in rows}) > 1:
            findings.append(Finding(*_place(key), "another object was put over it; its first version is still there"))

    def read(key: str) -> bytes:
        first = versions[key][-1]["VersionId"]
        return bytes(bucket.s3.get_object(Bucket=bucket.name, Key=key, VersionId=first)["Body"].read())

    with ThreadPoolExecutor(READERS) as pool:
        contents = dict(zip(versions, pool.map(read, versions), strict=True))
    return Kept(contents, tuple(findings))


def _versions(bucket: Bucket, after: str) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Versions by key, the newest first, and keys that a deletion hides."""
    versions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    hidden: list[str] = []
    more = {"KeyMarker": after} if after else {}
    for page in bucket.s3.get_paginator("list_object_versions").paginate(Bucket=bucket.name, **more):
        for row in page.get("Versions", []):
            versions[row["Key"]].append(row)
        hidden += [row["Key"] for row in page.get("DeleteMarkers", []) if row["IsLatest"]]
    return dict(versions), hidden


def _place(key: str) -> tuple[str, int | None]:
    return audit.segment_of(key) or (key, None)


def records(segments: Mapping[str, bytes]) -> Iterator[Record]:
    """Every record that can be read, by its time; damaged ones are passed over, since `huiju audit verify` names them."""
    found = []
    for text in segments.values():
        for line in text.splitlines(keepends=True):
            try:
                found.append(audit.parse(line))
            except DamagedError:
                continue
    yield from sorted(set_of(found), key=lambda each: (each.time, each.writer, each.sequence))


def set_of(found: list[Record]) -> list[Record]:
    """Each record once."""
    return list({each.hash: each for each in found}.values())
