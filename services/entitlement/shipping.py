"""Ships finished segments of the audit record to the locked bucket, every few seconds and once more at the end.

A segment leaves the disk when the store has it. Then its end is printed: printed lines are kept elsewhere, by another part and with
another account, so who cuts the bucket's record short contradicts them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from derive import audit
from services.entitlement.audit import MOST_WAITING, Trail
from services.entitlement.journal import oldest, waiting

LOG = logging.getLogger(__package__)
FOLDER, BUCKET, DAYS, SECONDS = "AUDIT_FOLDER", "AUDIT_BUCKET", "AUDIT_LOCKED_DAYS", "AUDIT_SECONDS"
HEAD = "audit_head"
"""Key of a printed line with the end of a shipped segment."""
AGE, BYTES, LIMIT = "city_audit_unshipped_age_seconds", "city_audit_unshipped_bytes", "city_audit_unshipped_limit_bytes"
"""Metrics of what waits."""
Put = Callable[[str, bytes], None]
"""Stores an object under a key, or raises."""


@dataclass(frozen=True)
class Order:
    """Where records are kept until they are shipped, where to, for how many days they are locked, and after how many seconds at most."""

    folder: Path
    bucket: str
    days: int
    seconds: float


def read(environment: Mapping[str, str] = os.environ) -> Order:
    """The order in the environment. Raises KeyError or ValueError with what is missing."""
    return Order(Path(environment[FOLDER]), environment[BUCKET], int(environment[DAYS]), float(environment[SECONDS]))


def locking(client: Any, bucket: str, days: int) -> Put:  # noqa: ANN401  # boto3 makes its clients at run time
    """Stores objects that nobody deletes for ``days``. Each says so itself: a bucket's default can be changed afterwards."""

    def put(key: str, body: bytes) -> None:
        until = datetime.now(UTC) + timedelta(days=days)
        # S3 takes a locked object only with a checksum, and this one every store knows.
        checksum = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentMD5=checksum,
            ContentType="application/x-ndjson",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
        )

    return put


class Shipper:
    """Ships what a trail has recorded."""

    def __init__(self, trail: Trail, put: Put, seconds: float) -> None:
        self._trail, self._put, self._seconds = trail, put, seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Ship what an earlier process left, and then whatever comes."""
        self._thread.start()

    def stop(self) -> None:
        """Ship what is there, and end. What the store does not take stays on the disk."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            over = self._end.is_set()
            try:
                self.ship()
            except Exception as error:  # whatever it is: the next round tries again, and nothing is lost meanwhile
                LOG.error("the audit record waits on this disk: %s: %s", type(error).__name__, error)
            if over:
                return
            self._end.wait(self._seconds)

    def ship(self) -> int:
        """Ship every segment, the oldest first; how many. Raises what the store raises, and leaves the rest for the next time."""
        self._trail.cut()
        segments = waiting(self._trail.folder)
        for path in segments:
            content = path.read_bytes()
            self._put(f"{path.parent.name}/{path.name}", content)
            _announce(content)
            path.unlink()
            self._trail.shipped(len(content))
        self._trail.tidy()
        return len(segments)


def _announce(content: bytes) -> None:
    last = content[content.rfind(b"\n", 0, -1) + 1 :]
    try:
        head = audit.parse(last).head
    except audit.DamagedError as error:
        LOG.error("a segment of the audit record was damaged on this disk: %s", error)
        return
    LOG.info(json.dumps({HEAD: asdict(head)}))


class Waiting(Collector):
    """What Prometheus reads of records that are not in the store yet; ``clock`` gives the time, aware."""

    def __init__(self, trail: Trail, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._trail, self._clock = trail, clock

    def collect(self) -> Iterator[Metric]:
        """How old the oldest is, how many bytes wait, and at how many nothing more is decided."""
        since = oldest(self._trail.folder)
        # The clock may have been set back since.
        age = max(0.0, (self._clock() - since).total_seconds()) if since else 0.0
        yield GaugeMetricFamily(AGE, "Age of the oldest audit record not in the store.", value=age)
        waits = self._trail.waits
        yield GaugeMetricFamily(BYTES, "Audit records that are not in the store.", value=waits)
        yield GaugeMetricFamily(LIMIT, "Where decisions end.", value=MOST_WAITING)
