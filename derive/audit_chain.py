"""Verifying audit chains: what was edited, removed, put in another order, doubled or cut off, each in a sentence.

A chain proves by itself everything but its own end. That takes anchors: heads that were seen earlier and are kept elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from derive.audit import GENESIS, DamagedError, Head, Record, begun, parse, parsed, segment_of


@dataclass(frozen=True)
class Finding:
    """One damage: the chain, the number of the record where it shows (None: the whole chain, or no chain), and what it is."""

    writer: str
    sequence: int | None
    says: str


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what is wrong with it."""

    findings: tuple[Finding, ...]
    heads: tuple[Head, ...]
    """Where every chain ends now."""
    records: int


def verify(segments: Mapping[str, bytes], anchors: Iterable[Head] = (), expired: datetime | None = None) -> Verified:
    """Look at all of ``segments`` (key -> content), as `walked` does."""
    return walked(((key, segments[key]) for key in ordered(segments)), anchors, expired)


def ordered(keys: Iterable[str]) -> list[str]:
    """Chain by chain, the segments of each by the number of their first record."""
    return sorted(keys, key=lambda key: segment_of(key) or (key, 0))


def walked(
    segments: Iterable[tuple[str, bytes]],
    anchors: Iterable[Head] = (),
    expired: datetime | None = None,
    each: Callable[[Record], None] = lambda _: None,
) -> Verified:
    """Look at segments (key, content) as they come, in the order of `ordered`, and hold them against ``anchors``; ``each`` record is told.

    One segment is held at a time, and of one chain at a time what its records are called. Records before ``expired`` may be missing at
    the beginning of a chain, and whole chains that began before it: the bucket's term.
    """
    ends = sorted(set(anchors), key=lambda end: (end.writer, end.sequence))
    numbers: dict[str, set[int]] = defaultdict(set)
    for end in ends:
        numbers[end.writer].add(end.sequence)
    strays: list[Finding] = []
    walks: dict[str, _Walk] = {}
    for writer, parts in groupby(segments, key=lambda part: _writer(part[0])):
        if writer is None:
            strays += _strays(parts, each)
        elif writer in walks:
            # What was let go cannot be compared with what comes now; by `ordered` this cannot be.
            strays.append(Finding(writer, None, "its segments do not come together, so not all of them were looked at"))
        else:
            walks[writer] = _Walk(writer, expired, numbers[writer], each)
            walks[writer].over(parts)
    found = [*strays, *(finding for walk in walks.values() for finding in walk.findings)]
    found += _anchored(walks, ends, expired)
    heads = tuple(walk.head for walk in walks.values() if walk.head)
    return Verified(tuple(found), heads, sum(walk.records for walk in walks.values()))


def _writer(key: str) -> str | None:
    found = segment_of(key)
    return found[0] if found else None


def _strays(parts: Iterable[tuple[str, bytes]], each: Callable[[Record], None]) -> Iterator[Finding]:
    """Objects that are no segments by their names."""
    for key, content in parts:
        for record in parsed(content):
            each(record)
        yield Finding(key, None, "is no segment's name: somebody put it there, or renamed it")


@dataclass
class _Walk:
    """Goes over one chain from its beginning."""

    writer: str
    expired: datetime | None
    wanted: Container[int]
    """Numbers whose hashes are kept after the walk: ends that were seen earlier."""
    each: Callable[[Record], None]
    next: int = 1
    """Number of the record that should come now."""
    link: str | None = GENESIS
    """Hash that it should name; None after a damage, where it is not known."""
    seen: set[bytes] = field(default_factory=set)
    """Hashes of the records in their places, which hold their numbers too; let go at the end of the walk."""
    held: dict[int, str] = field(default_factory=dict)
    """Number -> hash, of those that are wanted."""
    records: int = 0
    findings: list[Finding] = field(default_factory=list)
    head: Head | None = None

    def over(self, segments: Iterable[tuple[str, bytes]]) -> None:
        """Every segment, by its first number."""
        for key, content in segments:
            lines = content.split(b"\n")
            end = lines.pop()
            for at, text in enumerate(lines):
                self._line(text + b"\n", key if at == 0 else None)
            if end or not lines:
                self._found(self.next, "the segment ends in the middle of a record" if end else "the segment is empty")
        self.seen = set()

    def _found(self, sequence: int, says: str) -> None:
        self.findings.append(Finding(self.writer, sequence, says))

    def _line(self, text: bytes, begins: str | None) -> None:
        """One record; the first of a segment ``begins`` that key."""
        try:
            record = parse(text)
        except DamagedError as error:
            self._found(self.next, f"the record was edited: {error}")
            self.next, self.link = self.next + 1, None
            return
        self.each(record)
        first = segment_of(begins) if begins else None
        if record.writer != self.writer:
            self._found(record.sequence, f"a record of another chain, {record.writer}, stands here")
        elif first and first[1] != record.sequence:
            self._found(record.sequence, f"the segment that should begin with record {first[1]} begins with this one")
            self._place(record)
        else:
            self._place(record)

    def _place(self, record: Record) -> None:
        if record.sequence < self.next:
            twice = bytes.fromhex(record.hash) in self.seen
            self._found(record.sequence, "the record stands here twice" if twice else "the record is out of its order")
            return
        if record.sequence > self.next and not (self.head is None and self._past_term(record)):
            last = record.sequence - 1
            which = f"record {self.next} is" if last == self.next else f"records {self.next} to {last} are"
            self._found(self.next, f"{which} missing")
        elif record.sequence == self.next and self.link not in (None, record.previous):
            self._found(record.sequence, "the record does not follow from the one before it: one of the two is another")
        self.seen.add(bytes.fromhex(record.hash))
        self.records += 1
        if record.sequence in self.wanted:
            self.held[record.sequence] = record.hash
        self.next, self.link, self.head = record.sequence + 1, record.hash, record.head

    def _past_term(self, record: Record) -> bool:
        return self.expired is not None and datetime.fromisoformat(record.time) < self.expired


def _anchored(walks: Mapping[str, _Walk], anchors: Iterable[Head], expired: datetime | None) -> Iterator[Finding]:
    """What an earlier look saw and is not there any more."""
    for anchor in anchors:
        walk = walks.get(anchor.writer)
        if walk is None:
            if expired is None or begun(anchor.writer) >= expired:
                yield Finding(
                    anchor.writer, None, f"the whole chain is gone; it had {anchor.sequence} records at least"
                )
        elif anchor.sequence >= walk.next:
            ends = f"it ends with {walk.next - 1}, and {anchor.sequence} was seen earlier"
            yield Finding(anchor.writer, anchor.sequence, f"the end of the chain was cut off: {ends}")
        elif walk.held.get(anchor.sequence, anchor.hash) != anchor.hash:
            yield Finding(anchor.writer, anchor.sequence, "the record is another one than was seen earlier")
