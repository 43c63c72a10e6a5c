"""Bring a parcel to the platform: packages first, its index then, and last the word that it is the current one."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from catalog import names
from derive import store
from ops.lessons.place import Place
from ops.parcels import making
from ops.parcels.making import Parcel
from services.packager.store import IMMUTABLE, MASTER, MISSING, Bucket, code

THREADS = 4
Step = Callable[[int, int], None]
"""Bytes that are there, bytes in all."""


def bucket_of(where: Place) -> AbstractContextManager[Bucket]:
    """The bucket of parcels, with the operator's account."""
    return where.bucket(store.PUBLISHER, names.VIDEO_LIBRARY, names.BUCKET_PARCELS)


def publish(bucket: Bucket, parcel: Parcel, step: Step) -> int:
    """Upload what is missing and return how many objects that were. Interrupted, the same call goes on where it stopped."""
    root = making.folder()
    own = sorted(path for path in (root / parcel.id).iterdir() if path.is_file())
    done = sent = 0
    with ThreadPoolExecutor(THREADS) as workers:
        files = [root / row["file"] for row in parcel.packages]
        for size, new in workers.map(lambda path: _send(bucket, root, path), files):
            done, sent = done + size, sent + new
            step(done, parcel.size)
    for path in own:
        sent += _send(bucket, root, path)[1]
    current = root / making.CURRENT
    if json.loads(current.read_text()) != bucket.read_json(making.CURRENT):
        bucket.put(making.CURRENT, current.read_bytes(), MASTER)
        sent += 1
    return sent


def _send(bucket: Bucket, root: Path, path: Path) -> tuple[int, bool]:
    """Size of the file, and whether it had to be sent. What is there in full size is the same: names are of the content."""
    key, size = path.relative_to(root).as_posix(), path.stat().st_size
    try:
        there = int(bucket.s3.head_object(Bucket=bucket.name, Key=key)["ContentLength"])
    except bucket.s3.exceptions.ClientError as error:
        if code(error) not in MISSING:
            raise
        there = -1
    if there != size:
        bucket.put(key, path.read_bytes(), IMMUTABLE)
    return size, there != size


def published(bucket: Bucket) -> tuple[str, list[Parcel]]:
    """The current parcel's id (empty before the first), and every parcel that is there, the newest first."""
    pages = bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
    keys = [row["Key"] for page in pages for row in page.get("Contents", [])]
    found = [bucket.get(key) for key in keys if key.endswith(f"/{making.MANIFEST}")]
    parcels = sorted(
        (making.parse(each[0].decode()) for each in found if each), key=lambda each: each.made, reverse=True
    )
    return str((bucket.read_json(making.CURRENT) or {}).get("id", "")), parcels
