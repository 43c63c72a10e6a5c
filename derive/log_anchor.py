"""Anchors of the kept logs: audit records with the digest of every object of an hour and bucket, so that a change or a removal later shows.

An hour is anchored when nothing comes into it any more, and once more an hour later, for what was late and for a run that was missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from derive.audit import Entry, Kind, Record

HOUR: Final = timedelta(hours=1)
BACK: Final = 2
"""Whole hours that one run anchors."""
_FOLDER: Final = "%Y/%m/%d/%H/"
"""Under which the collector puts what it writes in an hour (local/toolchain/recipes/log-collector)."""
_MOST: Final = 200
"""Objects of one record, which is then some 20 kB."""


def hours(since: datetime, until: datetime) -> tuple[str, ...]:
    """Key prefixes of the hours that begin and end between these moments, the oldest first."""
    begin = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begin = begin if begin >= since else begin + HOUR
    count = max(0, (until - begin) // HOUR)
    return tuple(f"{begin + number * HOUR:{_FOLDER}}" for number in range(count))


def folder(bucket: str, prefix: str) -> str:
    """What an hour is called in one bucket; ``prefix`` as `hours` gives it."""
    return f"{bucket}/{prefix}"


def entries(place: str, digests: Mapping[str, str]) -> Iterator[Entry]:
    """What is recorded of the `folder` ``place``: object's name below it -> sha256, or that there was none."""
    rows = iter(sorted(digests.items()))
    while (part := dict(islice(rows, _MOST))) or not digests:
        yield Entry(Kind.LOGS, "anchor", place, "hourly", None, None, part)
        if not part:
            return


def anchors(entry: Entry) -> str | None:
    """The `folder` that an entry anchors; None where it anchors none."""
    return entry.resource if entry.kind is Kind.LOGS else None


def anchored(records: Iterable[Record]) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Folder -> object's name -> every digest that some anchor gives it: more than one, and it was changed in between."""
    found: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for entry in (each.entry for each in records):
        if (place := anchors(entry)) is None:
            continue
        objects = found[place]
        for name, digest in entry.facts.items():
            objects[name] = objects.get(name, frozenset()) | {str(digest)}
    return found
