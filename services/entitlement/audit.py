"""What the service records: one or two records for every answer, on disk before it leaves; without them there is no answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from derive import permission
from derive.audit import CHAIN_HOURS, Entry, Kind, Who
from derive.grounds import Facts
from services.entitlement.journal import Journal, UnrecordedError, recover, tidy
from services.entitlement.sessions import Session
from services.entitlement.versions import Version

ALLOWED = "allowed"
"""Why of a grant; its facts say by what ground. That of a token is the grant's right before it."""
MOST_WAITING = 192 * 2**20
"""Bytes that may wait for the store before nothing more is decided: the volume holds a third more, and a full one ends the pod."""
MOST_CHARACTERS = 200
"""Of what comes from a session."""
NO_ID, UNKNOWN = "no-id", "unknown"
"""On record in place of what somebody wrote where an id, or the name of something of the city's, was asked for.

They need not have signed in, it may be a pupil's number, and the record can be neither changed nor shortened."""


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    action: str
    resource: str
    """What was asked for; nothing that somebody made up."""
    reason: str | None
    """Why it was refused; None: it was allowed."""
    version: Version | None
    """The rules by which; None: there were none."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else it asked for, of what there is."""
    expires: int | None = None
    """When the token that was given ends, s since 1970; None: none was given."""
    permission: str | None = None
    """What that token is called (`derive.permission`)."""
    key: str | None = None
    """Id of the key that signed it."""
    ground: Facts = field(default_factory=dict)
    """Why it was allowed; only rows of the city's facts, nobody's words."""


class Witness(Protocol):
    """Who is told of every decision before it is answered."""

    def decided(self, session: Session | None, outcome: Outcome) -> None:
        """Record it. Raises `UnrecordedError`."""


class Unwatched:
    """Records nothing: for tests and for measuring decisions alone."""

    def decided(self, session: Session | None, outcome: Outcome) -> None:
        """Nothing."""


class Trail:
    """The records of this process below ``folder``; ``policy`` is the digest of the rules in force, if any. Raises OSError at the start."""

    def __init__(
        self, folder: Path, where: str, policy: str | None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.folder, self._where, self._policy, self._clock = folder, where, policy, clock
        self._turn = 0
        """Of the version whose rules are the last that the record names."""
        self._lock, self._changing = threading.Lock(), threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._bytes = recover(folder)
        self._journals: list[Journal] = []
        self._begin("start")

    def decided(self, session: Session | None, outcome: Outcome) -> None:
        """See `Witness`."""
        if outcome.version:
            self._decides_by(outcome.version)
        policy = outcome.version.digest if outcome.version else None
        who = _who(session) if session else None
        facts: dict[str, str | int] = {key: shown(value) for key, value in outcome.facts.items()}
        entry = partial(Entry, action=outcome.action, resource=shown(outcome.resource), policy=policy, who=who)
        if outcome.reason is not None:
            self._append(entry(Kind.REFUSAL, why=outcome.reason, facts=facts))
            return
        given = [entry(Kind.GRANT, why=ALLOWED, facts={**facts, **outcome.ground})]
        if outcome.expires is not None:
            told = {permission.FACT: outcome.permission, permission.KEY: outcome.key}
            named = {name: value for name, value in told.items() if value}
            given.append(entry(Kind.TOKEN, why=ALLOWED, facts={**facts, **named, "expires": outcome.expires}))
        self._append(*given)

    def noted(self, entry: Entry) -> None:
        """Record what is no decision about a lesson. Raises `UnrecordedError`."""
        self._append(entry)

    def _decides_by(self, version: Version) -> None:
        """Note that decisions are made by other rules from here on, also by some that stood before. Raises `UnrecordedError`.

        A request that began before a change may come after it: it has an earlier turn, and changes nothing back. Who comes by the new
        rules while the change is being written waits until it is there, and what could not be written is tried again by the next.
        """
        if version.turn <= self._turn:
            return
        with self._changing:
            if version.turn <= self._turn:
                return
            if version.digest != self._policy:
                self._append(_loaded(version.digest, "changed"))
                self._policy = version.digest
            self._turn = version.turn

    def cut(self) -> None:
        """Make everything that was recorded ready to be shipped. Raises OSError."""
        with self._lock:
            journals = list(self._journals)
        for journal in journals:
            journal.cut()

    @property
    def waits(self) -> int:
        """Bytes that are not in the store yet."""
        with self._lock:
            return self._bytes

    def shipped(self, count: int) -> None:
        """So many bytes do not wait any more."""
        with self._lock:
            self._bytes -= count

    def tidy(self) -> None:
        """Remove what is left of chains that are shipped to their end and that nobody writes to any more. Raises OSError."""
        tidy(self.folder, self._writing)

    def _writing(self) -> frozenset[str]:
        # A chain that begins has the lock until it is among them.
        with self._lock:
            return frozenset(journal.writer for journal in self._journals)

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


def known(text: str, city: Container[str]) -> str:
    """What somebody named, as it goes on record: one of the city's, or that it is none."""
    return text if text in city else UNKNOWN


def shown(text: str) -> str:
    """Text of somebody else's, cut to a length, without what terminals obey."""
    return "".join(each if each.isprintable() else "?" for each in text[:MOST_CHARACTERS])


def _who(session: Session) -> Who:
    person = session.person
    return Who(person.tier, person.school, shown(session.subject), person.district, person.partner)


def _loaded(policy: str | None, why: str) -> Entry:
    return Entry(Kind.POLICY, "decide-by", "access-rules", why, policy)
