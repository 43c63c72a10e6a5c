"""Deletes what is past its bucket's term: the embedded object store has no lifecycle of its own.

Usage: ``expire.py TERMS.json``, where TERMS is ``{"terms": [{"bucket", "days", "versioned"}]}``; the account comes from the AWS files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

BATCH = 500
"""Keys per request; S3 takes at most 1,000."""


def expired(client: Any, bucket: str, before: datetime, versioned: bool) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """Objects (or versions and delete markers) last changed before ``before``."""
    listing, groups = (
        ("list_object_versions", ("Versions", "DeleteMarkers")) if versioned else ("list_objects_v2", ("Contents",))
    )
    for page in client.get_paginator(listing).paginate(Bucket=bucket):
        for each in (entry for group in groups for entry in page.get(group, [])):
            if each["LastModified"] < before:
                yield {"Key": each["Key"], **({"VersionId": each["VersionId"]} if versioned else {})}


def expire(client: Any, bucket: str, before: datetime, versioned: bool) -> int:  # noqa: ANN401
    """Delete them; returns how many. Raises on the first object that stays."""
    keys = list(expired(client, bucket, before, versioned))
    for start in range(0, len(keys), BATCH):
        batch = {"Objects": keys[start : start + BATCH], "Quiet": True}
        errors = client.delete_objects(Bucket=bucket, Delete=batch).get("Errors", [])
        if errors:
            raise RuntimeError(f"{bucket}: {len(errors)} objects stay, for instance {errors[0]}")
    return len(keys)


def connect() -> Any:  # noqa: ANN401  # boto3 clients have no static type
    """A client of the store that the AWS files name; boto3 of Debian 12 does not read ``endpoint_url`` from them by itself."""
    session = boto3.session.Session()
    profile: dict[str, Any] = session._session.get_scoped_config()  # no public way before boto3 1.28
    return session.client("s3", endpoint_url=profile.get("endpoint_url"))


def main(path: str) -> None:
    """Apply the terms in the file at ``path``."""
    client, now = connect(), datetime.now(UTC)
    for term in json.loads(Path(path).read_text(encoding="utf-8"))["terms"]:
        count = expire(client, term["bucket"], now - timedelta(days=term["days"]), term["versioned"])
        print(f"{term['bucket']}: {count} objects past {term['days']} days deleted", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
