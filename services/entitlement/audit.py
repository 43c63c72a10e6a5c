"""What the service records: one or two records for every answer, on disk before it leaves; without them there is no answer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from derive import lesson
from derive.audit import CHAIN_HOURS, Entry, Kind, Who
from services.entitlement.journal import Journal, UnrecordedError, recover
from services.entitlement.sessions import Session

ACTION = "play"
MOST_WAITING = 192 * 2**20
"""Bytes that may wait for the store before nothing more is decided: the volume holds a third more, and a full one ends the pod."""
MOST_CHARACTERS = 200
"""Of what comes from a request or a session."""


class Witness(Protocol):
    """Who is told of every decision before it is answered."""

    def decided(
        self, session: Session | None, lesson_id: str, place: str | None, reason: str | None, expires: int
    ) -> None:
        """Record that playing was refused for ``reason``, or allowed (None) with a token until ``expires``. Raises `UnrecordedError`."""


class Unwatched:
    """Records nothing: for tests and for measuring decisions alone."""

    def decided(
        self, session: Session | None, lesson_id: str, place: str | None, reason: str | None, expires: int
    ) -> None:
        """Nothing."""


class Trail:
    """The records of this process below ``folder``. ``policy`` is the digest of the rules in force. Raises OSError at the start."""

    def __init__(
        self, folder: Path, where: str, policy: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.folder, self._where, self._policy, self._clock = folder, where, policy, clock
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._bytes = recover(folder)
        self._journals: list[Journal] = []
        self._begin("start")

    def decided(
        self, session: Session | None, lesson_id: str, place: str | None, reason: str | None, expires: int
    ) -> None:
        """See `Witness`."""
        who = Who(session.person.tier, session.person.school, shown(session.subject)) if session else None
        known = lesson_id if lesson.LESSON_ID.fullmatch(lesson_id) else shown(lesson_id)
        facts = {"place": shown(place)} if place is not None else {}
        if reason is not None:
            self._append(Entry(Kind.REFUSAL, ACTION, known, reason, self._policy, who, facts))
            return
        grant = Entry(Kind.GRANT, ACTION, known, "allowed", self._policy, who, facts)
        token = Entry(Kind.TOKEN, ACTION, known, "allowed", self._policy, who, {**facts, "expires": expires})
        self._append(grant, token)

    def policy_changed(self, policy: str) -> None:
        """Record that decisions are made by other rules from here on. Raises `UnrecordedError`."""
        if policy != self._policy:
            self._append(_loaded(policy, "changed"))
            self._policy = policy

    def cut(self) -> None:
        """Make everything that was recorded ready to be shipped. Raises OSError."""
        with self._lock:
            journals = list(self._journals)
        for journal in journals:
            journal.cut()

    def shipped(self, count: int) -> None:
        """So many bytes do not wait any more."""
        with self._lock:
            self._bytes -= count

    def _append(self, *entries: Entry) -> None:
        journal = self._journal()
        written = journal.append(entries)
        with self._lock:
            self._bytes += written

    def _journal(self) -> Journal:
        with self._lock:
            if self._bytes > MOST_WAITING:
                raise UnrecordedError(f"{self._bytes} bytes wait for the store, and more are not taken")
            now = self._journals[-1]
            if not now.broken and self._clock() - now.begun < timedelta(hours=CHAIN_HOURS):
                return now
            try:
                return self._begin("after a failed write" if now.broken else "a day is over")
            except OSError as error:
                raise UnrecordedError(str(error)) from error

    def _begin(self, why: str) -> Journal:
        """A new chain. The one before is kept for a moment: other threads may be writing to it."""
        journal = Journal(self.folder, self._where, self._clock)
        self._bytes += journal.append([_loaded(self._policy, why)])
        self._journals = [*self._journals[-1:], journal]
        return journal


def policy_digest(file: Path) -> str:
    """Names the rules in ``file``: SHA-256 of its bytes, in hexadecimal. Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def shown(text: str) -> str:
    """Text of somebody else's, cut to a length, without what terminals obey."""
    return "".join(each if each.isprintable() else "?" for each in text[:MOST_CHARACTERS])


def _loaded(policy: str, why: str) -> Entry:
    return Entry(Kind.POLICY, "decide-by", "access-rules", why, policy)
