"""Reading kept logs: which objects hold a time, and which of their lines are wanted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from catalog import names
from derive.store import LOG_READER
from ops.lessons.place import Place
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
    with where.bucket(LOG_READER, names.MONITORING, names.BUCKET_LOGS) as bucket, ThreadPoolExecutor(READERS) as pool:
        for prefix in wanted.hours():
            keys = [key for key, _, _ in bucket.objects(prefix)]
            found = [row for each in pool.map(partial(_of_object, bucket, wanted), keys) for row in each]
            yield from sorted(found, key=lambda row: str(row["time"]))


def _of_object(bucket: Bucket, wanted: Wanted, key: str) -> list[dict[str, Any]]:
    found = bucket.get(key)
    read = (json.loads(raw) for raw in gzip.decompress(found[0]).splitlines()) if found else ()
    return [row for row in read if wanted.takes(row)]
