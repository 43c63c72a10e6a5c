"""Reading kept logs: which objects hold a time, and which of their lines are wanted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from catalog import names
from derive import access_log
from derive.store import LOG_READER
from ops.lessons.place import Place
from services.entitlement import log_objects
from services.packager.store import Bucket

LATE = timedelta(days=1)
"""An object lies under the hour in which it was written; so long after its lines it is looked for, since a store may have been away."""
READERS = 8
"""Objects fetched at once."""
NAMESPACE, POD = "k8s.namespace.name", "k8s.pod.name"


@dataclass(frozen=True)
class Wanted:
    """Which lines."""

    since: datetime
    until: datetime
    text: str = ""
    namespace: str = ""
    pod: str = ""

    def hours(self) -> Iterator[str]:
        """Key prefixes under which they may lie."""
        hour, last = self.since.replace(minute=0, second=0, microsecond=0), min(self.until + LATE, datetime.now(UTC))
        while hour <= last:
            yield f"{hour:%Y/%m/%d/%H}/"
            hour += timedelta(hours=1)

    def buckets(self) -> tuple[str, ...]:
        """In which they may lie; what the printers of access logs printed before they had a bucket is in the other one."""
        access = not self.namespace or access_log.prints(self.namespace)
        return names.LOG_BUCKETS if access else (names.BUCKET_LOGS,)

    def takes(self, row: dict[str, Any]) -> bool:
        """Whether a line is one of them."""
        return (
            self.since <= datetime.fromisoformat(row["time"]) <= self.until
            and self.text in row["line"]
            and self.namespace in {"", row.get(NAMESPACE)}
            and str(row.get(POD, "")).startswith(self.pod)
        )


def lines(where: Place, wanted: Wanted) -> Iterator[str]:
    """The wanted lines as text, by the time of their objects and then their own."""
    for row in rows(where, wanted):
        yield f"{row['time']} {row.get(NAMESPACE, '-')} {row.get(POD, '-')} {row['line']}"


def rows(where: Place, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The same as they are kept: `time`, `line`, and what the collector knows of its pod."""
    with kept(where, wanted.buckets()) as buckets, ThreadPoolExecutor(READERS) as pool:
        for prefix in wanted.hours():
            there = [(each, *one) for each in buckets for one in below(each, prefix).objects]
            found = [row for each in pool.map(partial(_of_object, wanted), there) for row in each]
            yield from sorted(found, key=lambda row: str(row["time"]))


@contextmanager
def kept(where: Place, buckets: Iterable[str]) -> Iterator[tuple[Bucket, ...]]:
    """These buckets of kept logs, as their reader."""
    with where.bucket(LOG_READER, names.MONITORING, names.BUCKET_LOGS) as bucket:
        yield tuple(Bucket(bucket.s3, each) for each in buckets)


def below(bucket: Bucket, prefix: str) -> log_objects.Found:
    """What lies there, as its collector put it."""
    return log_objects.find(bucket.s3, bucket.name, prefix, locked=bucket.name == names.BUCKET_ACCESS_LOGS)


def _of_object(wanted: Wanted, place: tuple[Bucket, str, str | None]) -> list[dict[str, Any]]:
    bucket, key, version = place
    found = bucket.version(key, version)
    read = (json.loads(raw) for raw in gzip.decompress(found[0]).splitlines()) if found else ()
    return [row for row in read if wanted.takes(row)]
