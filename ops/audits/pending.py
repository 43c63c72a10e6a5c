"""Runs of the platform that the store does not know yet, in this machine's own folder: notes of those under way, records of the others.

A run that is killed leaves its note; whoever comes next on this machine sees that its process is gone.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from derive import audit
from derive.audit import Entry
from local import paths
from ops.stack.lock import Holder
from ops.stack.store import FolderStore

BEGUN, SEEN = ".begun", "history.seen"


@dataclass(frozen=True)
class Note:
    """A run that began, and whose end this machine has not seen."""

    stack: str
    operation: str
    policy: str | None
    user: str
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    since: float = field(default_factory=time.time)
    """Seconds since 1970."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    about: str | None = None
    """What else than the stack it is about: an account, as the record names it."""

    @property
    def key(self) -> str:
        """Its name in the folder."""
        return f"{self.stack}/{self.run}{BEGUN}"

    @property
    def dead(self) -> bool:
        """Whether its process is gone; never of another host's, which cannot be judged from here."""
        holder = Holder(self.key, self.pid, self.host, self.user, self.since)
        return holder.here and not holder.alive


def folder() -> Path:
    """Where notes and records lie: a folder for each stack."""
    return paths.state_dir() / "audit" / "runs"


def _store() -> FolderStore:
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    return FolderStore(folder())


def begin(note: Note) -> None:
    """Keep the note, durably. Raises OSError."""
    _store().write(note.key, json.dumps(asdict(note)).encode())


def end(note: Note, what: Entry) -> None:
    """Put a record in the note's place. Raises OSError."""
    keep(note.stack, what)
    _store().delete(note.key)


def keep(stack: str, what: Entry, at: datetime | None = None, where: str = "") -> None:
    """Make the record, a chain of its own that begins ``at`` a moment, or now, and keep it until it is shipped. Raises OSError."""
    at = at or datetime.now(UTC)
    writer = audit.writer_id(at, where or f"run-{os.uname().nodename}")
    record = audit.follow(audit.begin(writer), what, at)
    _store().write(f"{stack}/{writer}{audit.SUFFIX}", audit.line(record))


def stranded(stack: str) -> Iterator[Note]:
    """Notes of runs that died without an end. A note that cannot be read was cut short by the crash, and goes."""
    kept = _store()
    for key in kept.names(stack):
        if not key.endswith(BEGUN):
            continue
        try:
            note = Note(**json.loads(kept.read(key) or b""))
        except (ValueError, TypeError):
            kept.delete(key)
            continue
        if note.dead:
            yield note


def waiting(stack: str) -> Mapping[str, bytes]:
    """Records that are not in the store yet: writer -> line, the oldest first."""
    kept = _store()
    found = {Path(key).stem: kept.read(key) for key in kept.names(stack) if key.endswith(audit.SUFFIX)}
    return {writer: line for writer, line in found.items() if line}


def seen(stack: str) -> int:
    """Up to which entry of the engine's history records were made, nanoseconds since 1970."""
    return int(_store().read(f"{stack}/{SEEN}") or 0)


def see(stack: str, number: int) -> None:
    """Remember that. Raises OSError."""
    _store().write(f"{stack}/{SEEN}", str(number).encode())


def shipped(stack: str, writer: str) -> None:
    """The store has this one."""
    _store().delete(f"{stack}/{writer}{audit.SUFFIX}")
