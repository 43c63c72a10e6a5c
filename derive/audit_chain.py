"""Verifying audit chains: what was edited, removed, put in another order, doubled or cut off, each in a sentence.

A chain proves by itself everything but its own end. That takes anchors: heads that were seen earlier and are kept elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from derive.audit import GENESIS, DamagedError, Head, Record, begun, parse, segment_of


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
    """Look at all of ``segments`` (key -> content) and hold them against ``anchors``.

    Records before ``expired`` may be missing at the beginning of a chain, and whole chains that began before it: the bucket's term.
    """
    chains: dict[str, dict[int, bytes]] = defaultdict(dict)
    findings = []
    for key, content in segments.items():
        if found := segment_of(key):
            chains[found[0]][found[1]] = content
        else:
            findings.append(Finding(key, None, "is no segment's name: somebody put it there, or renamed it"))
    walks = {writer: _Walk(writer, expired) for writer in sorted(chains)}
    for writer, walk in walks.items():
        walk.over(chains[writer])
        findings += walk.findings
    findings += _anchored(walks, anchors, expired)
    heads = tuple(walk.head for walk in walks.values() if walk.head)
    return Verified(tuple(findings), heads, sum(len(walk.seen) for walk in walks.values()))


@dataclass
class _Walk:
    """Goes over one chain from its beginning."""

    writer: str
    expired: datetime | None
    next: int = 1
    """Number of the record that should come now."""
    link: str | None = GENESIS
    """Hash that it should name; None after a damage, where it is not known."""
    seen: dict[int, str] = field(default_factory=dict)
    """Number -> hash."""
    findings: list[Finding] = field(default_factory=list)
    head: Head | None = None

    def over(self, segments: Mapping[int, bytes]) -> None:
        """Every segment by its first number."""
        for first in sorted(segments):
            lines = segments[first].split(b"\n")
            end = lines.pop()
            for at, text in enumerate(lines):
                self._line(text + b"\n", first if at == 0 else None)
            if end or not lines:
                self._found(self.next, "the segment ends in the middle of a record" if end else "the segment is empty")

    def _found(self, sequence: int, says: str) -> None:
        self.findings.append(Finding(self.writer, sequence, says))

    def _line(self, text: bytes, first: int | None) -> None:
        try:
            record = parse(text)
        except DamagedError as error:
            self._found(self.next, f"the record was edited: {error}")
            self.next, self.link = self.next + 1, None
            return
        if record.writer != self.writer:
            self._found(record.sequence, f"a record of another chain, {record.writer}, stands here")
        elif first not in (None, record.sequence):
            self._found(record.sequence, f"the segment that should begin with record {first} begins with this one")
            self._place(record)
        else:
            self._place(record)

    def _place(self, record: Record) -> None:
        if record.sequence < self.next:
            twice = self.seen.get(record.sequence) == record.hash
            self._found(record.sequence, "the record stands here twice" if twice else "the record is out of its order")
            return
        if record.sequence > self.next and not (self.head is None and self._past_term(record)):
            last = record.sequence - 1
            which = f"record {self.next} is" if last == self.next else f"records {self.next} to {last} are"
            self._found(self.next, f"{which} missing")
        elif record.sequence == self.next and self.link not in (None, record.previous):
            self._found(record.sequence, "the record does not follow from the one before it: one of the two is another")
        self.seen[record.sequence] = record.hash
        self.next, self.link, self.head = record.sequence + 1, record.hash, record.head

    def _past_term(self, record: Record) -> bool:
        return self.expired is not None and datetime.fromisoformat(record.time) < self.expired


def _anchored(walks: Mapping[str, _Walk], anchors: Iterable[Head], expired: datetime | None) -> Iterator[Finding]:
    """What an earlier look saw and is not there any more."""
    for anchor in sorted(set(anchors), key=lambda each: (each.writer, each.sequence)):
        walk = walks.get(anchor.writer)
        if walk is None:
            if expired is None or begun(anchor.writer) >= expired:
                yield Finding(
                    anchor.writer, None, f"the whole chain is gone; it had {anchor.sequence} records at least"
                )
        elif anchor.sequence >= walk.next:
            ends = f"it ends with {walk.next - 1}, and {anchor.sequence} was seen earlier"
            yield Finding(anchor.writer, anchor.sequence, f"the end of the chain was cut off: {ends}")
        elif walk.seen.get(anchor.sequence, anchor.hash) != anchor.hash:
            yield Finding(anchor.writer, anchor.sequence, "the record is another one than was seen earlier")
