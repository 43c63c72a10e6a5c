"""Puts runs of the platform on record, however they end: who ran what on which stack, how long, and how much it changed.

A run is noted on this machine before it begins, and its record is made there when it ends (`pending`); the store gets it when there is
one. No word of what went wrong is recorded, only in which phase: an engine's diagnostics may hold a secret.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import catalog
from catalog import City, names
from catalog.errors import UserError
from derive import audit, store
from derive.audit import Entry, Kind, Who
from derive.moments import stamp
from ops.audits import anchors, pending
from ops.lessons import place
from ops.phases import Phases
from services.entitlement.shipping import locking

SESSIONS = "session"
"""How what is about minted sessions begins on record."""
SEATS = "seats"
"""How what is about the paid seats of a licence begins."""
PEOPLE = frozenset({"account", "accounts", names.RESOURCE_PROFILE, SEATS})
"""How what is about accounts, seats and about what is kept of people begins."""
LOOKS = frozenset({"explain", "list", "show"})
"""How the actions end by which an operator looks at it, and changes nothing."""


class Outcome(StrEnum):
    """How a run ended; not whether that was wanted."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """By who ran it."""
    KILLED = "killed"
    """It never came to say so: a later run found its note, or its lock."""


@dataclass
class Run:
    """A run that is under way."""

    stack: str
    operation: str
    policy: str | None
    """The catalog's digest; None where the catalog could not be read."""
    begun: datetime
    changes: Mapping[str, int] = field(default_factory=dict)
    """How many objects were created, updated and so on, once that is known."""

    def entry(self, outcome: Outcome, ended: datetime, failed_in: str | None = None) -> Entry:
        """What is recorded when it ends; who ran it is the machine's user."""
        facts: dict[str, str | int] = {word: count for word, count in self.changes.items() if count}
        facts |= {"begun": stamp(self.begun), "seconds": round((ended - self.begun).total_seconds())}
        if outcome is not Outcome.DONE and failed_in:
            facts["failed_in"] = failed_in
        who = Who(None, None, getpass.getuser())
        return Entry(Kind.RUN, self.operation, f"stack/{self.stack}", outcome.value, self.policy, who, facts)


@contextmanager
def watched(city: str, stack: str, operation: str, phases: Phases, *, leaves: bool = True) -> Iterator[Run]:
    """Record the body as a run, whatever comes of it; ``leaves`` says whether there is a platform afterwards that could take the record.

    A record that cannot be made or kept is said and fails nothing.
    """
    run = Run(stack, operation, digest(city), datetime.now(UTC))
    note = pending.Note(stack, operation, run.policy, getpass.getuser())
    with told(phases.say):
        pending.begin(note)
    outcome = Outcome.FAILED
    try:
        yield run
        outcome = Outcome.DONE
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
        raise
    finally:
        with told(phases.say):
            pending.end(note, run.entry(outcome, datetime.now(UTC), phases.failed))
            for each in pending.stranded(stack):
                pending.end(each, killed(each.operation, stack, each.since, each.user, each.policy, each.about))
        if leaves:
            ship(stack, phases.say)
        elif pending.waiting(stack):
            phases.say(f"the record of this run waits in {pending.folder()} for the next `huiju up`")


def killed(  # noqa: PLR0917
    operation: str, stack: str, since: float, user: str, policy: str | None, about: str | None = None
) -> Entry:
    """What is recorded of a run, or of a deed ``about`` something, that never came to its end; ``since`` in seconds since 1970."""
    facts = {"begun": stamp(datetime.fromtimestamp(since, UTC))}
    kind, what = (deed_kind(operation, about), about) if about else (Kind.RUN, f"stack/{stack}")
    return Entry(kind, operation, what, Outcome.KILLED.value, policy, Who(None, None, user), facts)


def deed_kind(action: str, about: str) -> Kind:
    """The kind of record of that deed about that: sessions are tokens, and who only looks at people changes no account."""
    what = about.partition("/")[0]
    if what == SESSIONS:
        return Kind.TOKEN
    return Kind.ACCOUNT if what in PEOPLE and action.rpartition("-")[2] not in LOOKS else Kind.DEED


def ship(stack: str, say: Callable[[str], None]) -> None:
    """Bring every record that waits for ``stack`` to its store. One that does not answer is said and fails nothing."""
    try:
        if waits := pending.waiting(stack):
            _put(place.of_stack(stack), stack, waits)
    except (UserError, OSError) as error:
        why = str(error).splitlines()[0]
        say(f"this run waits in {pending.folder()} for the audit record, and goes there with the next one: {why}")


def _put(where: place.Place, stack: str, waits: Mapping[str, bytes]) -> None:
    days, ends = locked_days(catalog.load_named(where.city)), anchors.file(where)
    with where.bucket(store.AUDITOR, names.ENTITLEMENT, names.BUCKET_AUDIT) as bucket:
        put = locking(bucket.s3, bucket.name, days)
        for writer, line in waits.items():
            put(audit.segment_key(writer, 1), line)
            # An end that is known before the record leaves this disk: were it taken from the store meanwhile, that would be seen.
            anchors.remember(ends, [audit.parse(line).head])
            pending.shipped(stack, writer)


@contextmanager
def told(say: Callable[[str], None]) -> Iterator[None]:
    """Say where the body could not write, and go on."""
    try:
        yield
    except OSError as error:
        say(f"this run is not on the audit record: {error}")


def digest(city: str) -> str | None:
    """The catalog's digest; None where it cannot be read."""
    try:
        return catalog.load_named(city).digest
    except UserError:
        return None


def locked_days(city: City) -> int:
    """For how many days a record is locked in ``city``."""
    (days,) = (each.locked_days for each in city.service(names.ENTITLEMENT).buckets if each.id == names.BUCKET_AUDIT)
    if days is None:
        raise UserError("the catalog locks no audit record: set locked_days of the bucket audit")
    return days


def term(city: City) -> int | None:
    """After how many days a record is deleted in ``city``; None keeps it."""
    (days,) = (each.expire_days for each in city.service(names.ENTITLEMENT).buckets if each.id == names.BUCKET_AUDIT)
    return days
