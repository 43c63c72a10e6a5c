"""Deletes what is past its bucket's term: the embedded object store has no lifecycle of its own.

Usage: ``expire.py TERMS.json``, where TERMS is ``{"terms": [{"bucket", "days", "versioned"}]}``; the account comes from the AWS files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

BATCH = 500
"""Keys per request; S3 takes at most 1,000."""
LOCKED = ("object lock", "worm protected")
"""What stores say of an object that is locked: AWS and versitygw, MinIO. The code is the one of any refusal, and to ask for an object's
day takes a right of its own, which accounts at outside stores do not have."""


class Done(NamedTuple):
    """How many objects of a bucket went, and how many that are past its term wait for the day until which they are locked."""

    gone: int
    waiting: int


def expired(client: Any, bucket: str, before: datetime, versioned: bool) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """Objects (or versions and delete markers) last changed before ``before``."""
    listing, groups = (
        ("list_object_versions", ("Versions", "DeleteMarkers")) if versioned else ("list_objects_v2", ("Contents",))
    )
    for page in client.get_paginator(listing).paginate(Bucket=bucket):
        for each in (entry for group in groups for entry in page.get(group, [])):
            if each["LastModified"] < before:
                yield {"Key": each["Key"], **({"VersionId": each["VersionId"]} if versioned else {})}


def expire(client: Any, bucket: str, before: datetime, versioned: bool) -> Done:  # noqa: ANN401
    """Delete them, and say how it went. Raises `RuntimeError` where some stay for another reason than a lock, once all were tried."""
    keys, errors = list(expired(client, bucket, before, versioned)), []
    for start in range(0, len(keys), BATCH):
        batch = {"Objects": keys[start : start + BATCH], "Quiet": True}
        errors += client.delete_objects(Bucket=bucket, Delete=batch).get("Errors", [])
    failed = [each for each in errors if not _locked(each)]
    if failed:
        raise RuntimeError(f"{len(failed)} objects stay, for instance {failed[0]}")
    return Done(len(keys) - len(errors), len(errors))


def _locked(error: dict[str, str]) -> bool:
    """Whether the store keeps an object to its day: no fault, and the night after that day takes it."""
    said = error.get("Message", "").lower()
    return any(word in said for word in LOCKED)


def connect() -> Any:  # noqa: ANN401  # boto3 clients have no static type
    """A client of the store that the AWS files name; boto3 of Debian 12 does not read ``endpoint_url`` from them by itself."""
    session = boto3.session.Session()
    profile: dict[str, Any] = session._session.get_scoped_config()  # no public way before boto3 1.28
    return session.client("s3", endpoint_url=profile.get("endpoint_url"))


def main(path: str) -> None:
    """Apply all terms in the file at ``path``. Raises `RuntimeError` at the end for the buckets that failed."""
    client, now, failed = connect(), datetime.now(UTC), []
    for term in json.loads(Path(path).read_text(encoding="utf-8"))["terms"]:
        bucket, days = term["bucket"], term["days"]
        try:
            done = expire(client, bucket, now - timedelta(days=days), term["versioned"])
        except (RuntimeError, BotoCoreError, ClientError) as error:
            failed.append(f"{bucket}: {error}")
            continue
        waiting = f", {done.waiting} more wait for the day until which they are locked" if done.waiting else ""
        print(f"{bucket}: {done.gone} objects past {days} days deleted{waiting}", flush=True)
    if failed:
        raise RuntimeError("; ".join(failed))


if __name__ == "__main__":
    main(sys.argv[1])
