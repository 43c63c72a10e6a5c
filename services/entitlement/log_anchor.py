"""Once an hour: what the collectors put into the buckets of logs, as digests on the audit record. Run as a Job, with an account of its own.

It reads logs and writes records, and can do neither the other way round.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import boto3

from derive import audit, log_anchor
from services.entitlement import log_objects
from services.entitlement.records import CONFIG
from services.entitlement.shipping import BUCKET, DAYS, HEAD, locking

LOGS, ACCESS_LOGS = "LOGS_BUCKET", "ACCESS_LOGS_BUCKET"
"""The locked one is the second."""


def digests(client: Any, bucket: str, prefix: str, *, locked: bool) -> dict[str, str]:  # noqa: ANN401  # boto3 makes its clients at run time
    """Name below ``prefix`` -> sha256 of the object, in a locked bucket of what was put there first."""
    found = {}
    for key, version in log_objects.find(client, bucket, prefix, locked=locked).objects:
        body = client.get_object(Bucket=bucket, Key=key, **log_objects.of_version(version))["Body"].read()
        found[key.removeprefix(prefix)] = hashlib.sha256(body).hexdigest()
    return found


def chain(entries: Iterable[audit.Entry], now: datetime, where: str) -> tuple[bytes, audit.Head]:
    """The records as one segment, a chain of its own, and its end."""
    head, lines = audit.begin(audit.writer_id(now, f"logs-{where}")), []
    for entry in entries:
        record = audit.follow(head, entry, now)
        head = record.head
        lines.append(audit.line(record))
    return b"".join(lines), head


def anchor(client: Any, environment: Mapping[str, str], now: datetime, where: str) -> audit.Head:  # noqa: ANN401
    """Put the last whole hours on record. Raises KeyError for what the environment lacks, and what the store raises."""
    prefixes = log_anchor.hours(now - (log_anchor.BACK + 1) * log_anchor.HOUR, now)[-log_anchor.BACK :]
    buckets = ((environment[LOGS], False), (environment[ACCESS_LOGS], True))
    entries = (
        each
        for prefix in prefixes
        for bucket, locked in buckets
        for each in log_anchor.entries(
            log_anchor.folder(bucket, prefix), digests(client, bucket, prefix, locked=locked)
        )
    )
    body, head = chain(entries, now, where)
    locking(client, environment[BUCKET], int(environment[DAYS]))(audit.segment_key(head.writer, 1), body)
    return head


def main() -> None:
    """Anchor, and print the end of the chain as the service prints its own."""
    client = boto3.client("s3", config=CONFIG)
    head = anchor(client, os.environ, datetime.now(UTC), os.uname().nodename)
    print(json.dumps({HEAD: asdict(head)}), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
