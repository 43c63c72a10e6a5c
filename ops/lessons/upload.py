"""The upload: in parts, each checked, so that a broken one goes on where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from services.packager.store import MISSING, Bucket, code

PART = 8 << 20
"""Bytes per part: a second or two on a school's 20 Mbit/s link goes lost when it drops, no more (4 s at 16 Mbit/s)."""

MOST_PARTS = 10_000
"""S3's limit on the parts of one object."""


def present(uploads: Bucket, key: str, size: int) -> bool:
    """Whether the whole file is in the store already."""
    try:
        return int(uploads.s3.head_object(Bucket=uploads.name, Key=key)["ContentLength"]) == size
    except uploads.s3.exceptions.ClientError as error:
        if code(error) in MISSING:
            return False
        raise


def _begun(uploads: Bucket, key: str) -> str | None:
    found = uploads.s3.list_multipart_uploads(Bucket=uploads.name, Prefix=key).get("Uploads", [])
    mine = sorted((row for row in found if row["Key"] == key), key=lambda row: row["Initiated"])
    return str(mine[-1]["UploadId"]) if mine else None


def _parts(uploads: Bucket, key: str, upload: str) -> dict[int, tuple[int, str]]:
    pages = uploads.s3.get_paginator("list_parts").paginate(Bucket=uploads.name, Key=key, UploadId=upload)
    return {row["PartNumber"]: (row["Size"], row["ETag"].strip('"')) for page in pages for row in page.get("Parts", [])}


def send(uploads: Bucket, key: str, file: Path, on_bytes: Callable[[int], None]) -> None:
    """Bring ``file`` under ``key``; ``on_bytes`` hears how many bytes are there. Parts that are there and right are not sent again."""
    size = file.stat().st_size
    if present(uploads, key, size):
        on_bytes(size)
        return
    upload = _begun(uploads, key)
    done = _parts(uploads, key, upload) if upload else {}
    if upload is None:
        upload = str(uploads.s3.create_multipart_upload(Bucket=uploads.name, Key=key)["UploadId"])
    where = {"Bucket": uploads.name, "Key": key, "UploadId": upload}
    parts: list[dict[str, Any]] = []
    for number, data in enumerate(_blocks(file), start=1):
        parts.append({"PartNumber": number, "ETag": _part(uploads.s3, where, number, data, done.get(number))})
        on_bytes(min(size, number * _span(size)))
    uploads.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def _span(size: int) -> int:
    return max(PART, -(-size // MOST_PARTS))


def _blocks(file: Path) -> Iterator[bytes]:
    span = _span(file.stat().st_size)
    with file.open("rb") as source:
        yield from iter(lambda: source.read(span), b"")


def _part(s3: Any, where: dict[str, str], number: int, data: bytes, there: tuple[int, str] | None) -> str:  # noqa: ANN401
    """ETag of the part, sent unless the same bytes are there."""
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if there != (len(data), etag):
        etag = str(s3.upload_part(**where, PartNumber=number, Body=data)["ETag"]).strip('"')
    return etag
