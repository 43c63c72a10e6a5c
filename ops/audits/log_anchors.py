"""Are the kept logs what they were when they were anchored?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from catalog import City, names
from derive import log_anchor
from derive.audit import Record
from derive.audit_chain import Finding
from derive.store import LOG_READER
from ops.audits import reading
from ops.lessons.place import Place
from services.packager.store import Bucket


@dataclass(frozen=True)
class Logs:
    """What was looked at."""

    findings: tuple[Finding, ...] = ()
    objects: int = 0
    hours: int = 0
    """That are anchored."""
    unanchored: tuple[str, ...] = ()
    """Hours that have logs, and no anchor: the Job did not run, so nothing can be said of them."""


@dataclass(frozen=True)
class Told:
    """What the record says of the logs of some hours."""

    hours: tuple[str, ...]
    """Their prefixes, the oldest first."""
    records: list[Record] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Keep it if it says something of them."""
        prefix = log_anchor.hour(record.entry)
        if prefix is not None and prefix in self._known:
            self.records.append(record)

    @cached_property
    def _known(self) -> frozenset[str]:
        """For looking up: half a year is 4,320 hours, and every record is asked about."""
        return frozenset(self.hours)


def about(since: datetime, now: datetime) -> Told:
    """Nothing yet, of the hours since then."""
    # The last hour that is over may still wait for its run.
    return Told(log_anchor.hours(since, now - log_anchor.HOUR))


def check(where: Place, said: Told) -> Logs:
    """Hold the logs against what the record says of them."""
    told, wanted = log_anchor.anchored(said.records), said.hours
    findings: list[Finding] = []
    objects, unanchored = 0, []
    with where.bucket(LOG_READER, names.MONITORING, names.BUCKET_LOGS) as bucket:
        for prefix in wanted:
            there = _digests(bucket, prefix)
            objects += len(there)
            if prefix in told:
                findings += _differing(prefix, told[prefix], there)
            elif there:
                unanchored.append(prefix)
    return Logs(tuple(findings), objects, sum(prefix in told for prefix in wanted), tuple(unanchored))


def term(city: City) -> timedelta | None:
    """For how long an object of the logs is surely there; None: without end."""
    (days,) = (each.expire_days for each in city.service(names.MONITORING).buckets if each.id == names.BUCKET_LOGS)
    return timedelta(days=days - 1) if days else None


def _digests(bucket: Bucket, prefix: str) -> dict[str, str]:
    """Name below ``prefix`` -> sha256."""
    keys = [key for key, _, _ in bucket.objects(prefix)]

    def digest(key: str) -> str:
        found = bucket.get(key)
        return hashlib.sha256(found[0]).hexdigest() if found else ""

    with ThreadPoolExecutor(reading.READERS) as pool:
        return {key.removeprefix(prefix): each for key, each in zip(keys, pool.map(digest, keys), strict=True) if each}


def _differing(prefix: str, told: Mapping[str, frozenset[str]], there: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted({*told, *there}):
        key = f"{names.BUCKET_LOGS}/{prefix}{name}"
        if name not in there:
            yield Finding(key, None, "the log object is gone; it was there when its hour was anchored")
        elif name not in told:
            yield Finding(key, None, "the log object was put there after its hour was anchored")
        elif told[name] != {there[name]}:
            yield Finding(key, None, "the log object is another than was anchored")
