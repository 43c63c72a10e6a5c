"""Are the kept logs what they were when they were anchored?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import product

from catalog import City, names
from derive import log_anchor
from derive.audit import Record
from derive.audit_chain import Finding
from ops import log_lines
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
    """Hours of a bucket (`derive.log_anchor.folder`) that have logs, and no anchor: the Job did not run, so nothing can be said of them."""


@dataclass(frozen=True)
class Told:
    """What the record says of the logs of some hours."""

    hours: tuple[str, ...]
    """Their prefixes, the oldest first."""
    records: list[Record] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Keep it if it says something of them."""
        if log_anchor.anchors(record.entry) in self._known:
            self.records.append(record)

    @cached_property
    def _known(self) -> frozenset[str | None]:
        """For looking up: half a year is 4,320 hours, and every record is asked about."""
        return frozenset(log_anchor.folder(bucket, each) for bucket in names.LOG_BUCKETS for each in self.hours)


def about(since: datetime, now: datetime) -> Told:
    """Nothing yet, of the hours since then."""
    # The last hour that is over may still wait for its run.
    return Told(log_anchor.hours(since, now - log_anchor.HOUR))


def check(where: Place, said: Told) -> Logs:
    """Hold the logs against what the record says of them."""
    told = log_anchor.anchored(said.records)
    findings: list[Finding] = []
    objects, hours, unanchored = 0, set(), []
    with log_lines.kept(where, names.LOG_BUCKETS) as buckets:
        for prefix, bucket in product(said.hours, buckets):
            found, place = log_lines.below(bucket, prefix), log_anchor.folder(bucket.name, prefix)
            findings += (Finding(log_anchor.folder(bucket.name, key), None, says) for key, says in found.done)
            there = _digests(bucket, prefix, found.objects)
            objects += len(there)
            if place in told:
                hours.add(prefix)
                findings += _differing(place, told[place], there)
            elif there:
                unanchored.append(place)
    return Logs(tuple(findings), objects, len(hours), tuple(unanchored))


def term(city: City) -> timedelta | None:
    """For how long an object of the logs is surely there, whichever bucket holds it; None: without end."""
    terms = [each.expire_days for each in city.service(names.MONITORING).buckets if each.id in names.LOG_BUCKETS]
    days = min((each for each in terms if each is not None), default=None)
    return timedelta(days=days - 1) if days else None


def _digests(bucket: Bucket, prefix: str, objects: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Name below ``prefix`` -> sha256."""

    def digest(place: tuple[str, str | None]) -> tuple[str, str]:
        found = bucket.version(*place)
        return place[0].removeprefix(prefix), hashlib.sha256(found[0]).hexdigest() if found else ""

    with ThreadPoolExecutor(reading.READERS) as pool:
        return {name: each for name, each in pool.map(digest, objects) if each}


def _differing(place: str, told: Mapping[str, frozenset[str]], there: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted({*told, *there}):
        key = f"{place}{name}"
        if name not in there:
            yield Finding(key, None, "the log object is gone; it was there when its hour was anchored")
        elif name not in told:
            yield Finding(key, None, "the log object was put there after its hour was anchored")
        elif told[name] != {there[name]}:
            yield Finding(key, None, "the log object is another than was anchored")
