"""The records in the object store: what the index is made from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from derive.lesson import REPLACED

RECORD = "/lesson.json"


def client() -> Any:  # noqa: ANN401  # boto3 makes its clients at run time
    """A client of the store that the AWS files name."""
    # Newer SDKs add checksums that older stores refuse.
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    import boto3

    return boto3.client("s3")


def records(s3: Any, bucket: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Every lesson's record, one by one; what is no record is passed over, and a lesson removed meanwhile too."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in (row["Key"] for row in page.get("Contents", [])):
            if key.endswith(RECORD) and key.count("/") == 1:
                record = _read(s3, bucket, key)
                if record and "id" in record and REPLACED not in record:
                    yield record


def _read(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:  # noqa: ANN401
    try:
        value = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except (s3.exceptions.NoSuchKey, ValueError):
        return None
    return value if isinstance(value, dict) else None
