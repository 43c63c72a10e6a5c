"""The audit record: what one record says, its one form as bytes, and the chain by which a record vouches for all before it.

A record is a line of canonical JSON. Its ``hash`` is SHA-256 over the same JSON without that key; ``previous`` is the hash of the record
before it in its chain. A chain has one writer, a process or a run, and begins anew with each; records are kept in segments, objects that
hold consecutive records of one chain::

    <writer>/<number of the first record, twelve digits>.jsonl

A writer's name begins with the time at which its chain began, so that names sort by time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

GENESIS: Final = "0" * 64
"""What the first record of a chain names as the one before it."""
CHAIN_HOURS: Final = 24
"""A chain ends after a day, so that a bucket's term takes whole chains and a chain's beginning is missed only around its term."""
SUFFIX: Final = ".jsonl"
PERSON: Final = "person"
"""Fact of a sign-in: the id by which the roster knows whom the record names by the subject of their session."""
PEOPLE: Final = "people"
"""Fact of a deed to many: their ids in the roster, with spaces between."""
_ONLY_IF_SET: Final = frozenset({"district", "partner"})
_BEGUN: Final = "%Y%m%dT%H%M%S%fZ"
_WRITER: Final = r"[0-9]{8}T[0-9]{12}Z-[a-z0-9-]{1,80}"
_SEGMENT: Final = re.compile(rf"({_WRITER})/([0-9]{{12}})\.jsonl")


class Kind(StrEnum):
    """What happened. Not who it happened to, nor why."""

    GRANT = "grant"
    REFUSAL = "refusal"
    TOKEN = "token-minted"  # noqa: S105  # a kind, not a secret
    POLICY = "policy-change"
    """The rules by which a writer decides from here on."""
    RUN = "platform-run"
    """`pulumi up` and what it changed."""
    ACCOUNT = "account-change"
    """What an operator did to an account, to a guardian's consent about a pupil, or to paid seats."""
    DEED = "operator-deed"
    """What an operator looked at of what is kept of people, or did to the roster or to what the platform offers."""
    LOGS = "log-anchor"
    """What logs were kept in an hour, by digest."""


class DamagedError(Exception):
    """A line that is no record as it was written; says what is wrong with it."""


@dataclass(frozen=True)
class Who:
    """Somebody: tier's id, where they belong, and the subject as the session names it; never a name."""

    tier: str | None
    school: str | None
    """Code."""
    subject: str | None
    district: str | None = None
    """Id; written only where there is one, so that older records keep their bytes. The same of the partner."""
    partner: str | None = None


@dataclass(frozen=True)
class Entry:
    """What is to be recorded. Never a token."""

    kind: Kind
    action: str
    resource: str
    why: str
    """Reason's code of a refusal; the ground of anything else."""
    policy: str | None
    """Digest of the policy in force."""
    who: Who | None = None
    """None: nobody was signed in."""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """What else belongs to it, flat."""


@dataclass(frozen=True)
class Head:
    """The end of a chain at some moment: who knows it notices when the chain is shorter later, or another one."""

    writer: str
    sequence: int
    hash: str


@dataclass(frozen=True)
class Record:
    """One record of a chain; the first has number 1."""

    writer: str
    sequence: int
    time: str
    """UTC, ISO 8601 with milliseconds and `Z`."""
    entry: Entry
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The chain's end, if this is its last record."""
        return Head(self.writer, self.sequence, self.hash)


def writer_id(begun: datetime, where: str) -> str:
    """Name of the chain that begins at ``begun`` (aware) in the process or machine ``where``."""
    place = re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")[:80] or "nowhere"
    return f"{begun.astimezone(UTC).strftime(_BEGUN)}-{place}"


def begun(writer: str) -> datetime:
    """When the chain of ``writer`` began. Raises ValueError for what is no writer's name."""
    return datetime.strptime(writer.partition("-")[0], _BEGUN).replace(tzinfo=UTC)


def segment_key(writer: str, first: int) -> str:
    """Key of the segment that begins with record ``first``."""
    return f"{writer}/{first:012d}{SUFFIX}"


def segment_of(key: str) -> tuple[str, int] | None:
    """Writer and first number in a segment's key; None for what is none."""
    found = _SEGMENT.fullmatch(key)
    return (found[1], int(found[2])) if found else None


def begin(writer: str) -> Head:
    """The end of a chain that has no record yet."""
    return Head(writer, 0, GENESIS)


def follow(head: Head, entry: Entry, now: datetime) -> Record:
    """The record of ``entry`` that follows ``head``."""
    time = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    bare = Record(head.writer, head.sequence + 1, time, entry, head.hash, "")
    return Record(bare.writer, bare.sequence, time, entry, head.hash, _hash(bare))


def line(record: Record) -> bytes:
    """The record as it is written, with the end of its line."""
    return _canonical({**_bare(record), "hash": record.hash}) + b"\n"


def document(record: Record) -> dict[str, Any]:
    """The record as plain data, as it is written."""
    return {**_bare(record), "hash": record.hash}


def parse(text: bytes) -> Record:
    """The record of one line. Raises `DamagedError` for one that has not exactly the bytes in which it was written."""
    try:
        found = _record(json.loads(text))
        same = line(found) == text
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DamagedError("it cannot be read") from error
    if not same:
        raise DamagedError("it is not in the form in which records are written")
    if _hash(found) != found.hash:
        raise DamagedError("its content is not what its hash was made from")
    return found


def parsed(segment: bytes) -> Iterator[Record]:
    """Records of a segment that can be read, one after another; damaged ones are passed over."""
    for text in segment.splitlines(keepends=True):
        try:
            yield parse(text)
        except DamagedError:
            continue


def _record(row: Mapping[str, Any]) -> Record:
    """Raises TypeError or ValueError where a field is not of its kind: whoever may write an object may write anything with a right hash."""
    who, what = row["who"], row["what"]
    _texts(row["writer"], row["time"], what["action"], what["resource"], row["why"], row["previous"], row["hash"])
    _texts(*(each for each in (row["policy"], *(who or {}).values()) if each is not None))
    for name, value in row["facts"].items():
        _texts(name, *([] if isinstance(value, int) else [value]))
    if datetime.fromisoformat(row["time"]).tzinfo is None:
        raise ValueError("a time without zone")
    entry = Entry(
        Kind(row["kind"]),
        what["action"],
        what["resource"],
        row["why"],
        row["policy"],
        Who(**who) if who is not None else None,
        row["facts"],
    )
    return Record(row["writer"], int(row["sequence"]), row["time"], entry, row["previous"], row["hash"])


def _texts(*found: Any) -> None:  # noqa: ANN401  # any JSON
    for each in found:
        if not isinstance(each, str):
            raise TypeError("no text")
        # Half of a surrogate pair is valid JSON and no text: it can be neither printed nor hashed.
        each.encode()


def _bare(record: Record) -> dict[str, Any]:
    entry = record.entry
    return {
        "writer": record.writer,
        "sequence": record.sequence,
        "time": record.time,
        "kind": entry.kind.value,
        "who": _somebody(entry.who) if entry.who else None,
        "what": {"action": entry.action, "resource": entry.resource},
        "why": entry.why,
        "policy": entry.policy,
        "facts": dict(entry.facts),
        "previous": record.previous,
    }


def _somebody(who: Who) -> dict[str, str | None]:
    return {key: value for key, value in asdict(who).items() if value is not None or key not in _ONLY_IF_SET}


def _canonical(row: Mapping[str, Any]) -> bytes:
    """One spelling of the data: sorted keys, no spaces, ASCII."""
    return json.dumps(row, sort_keys=True, separators=(",", ":")).encode("ascii")


def _hash(record: Record) -> str:
    return hashlib.sha256(_canonical(_bare(record))).hexdigest()
