"""Puts on record what an operator does to an account, a guardian's consent or paid seats, and which sessions they mint: before it takes
effect.

Where that cannot be noted, nothing is done.

As with runs of the platform (decision 0205) the note lies durably on this machine, the record takes its place when the deed ends, however
it ends, and goes to the store at once or with the next one. An account is named by its id, the subject of its sessions, so that what was
done to somebody lies beside what they did; its name may be a person's, and the record holds none.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import typer

from catalog.errors import UserError
from derive.audit import Entry, Who
from derive.moments import stamp
from ops.audits import pending, runs
from ops.audits.runs import Outcome
from ops.lessons.place import Place

ACCOUNTS: Final = "accounts"
"""All of them, where a deed is about no single one."""


def account(known: str | None) -> str:
    """How an account is put on record; None: it is not made yet."""
    return f"account/{known or 'new'}"


def session(subject: str) -> str:
    """How a minted session is put on record: by its subject, never by its token."""
    return f"{runs.SESSIONS}/{subject}"


@dataclass
class Deed:
    """What is done; ``about`` and ``facts`` may become known only while it is."""

    action: str
    about: str
    facts: dict[str, str | int] = field(default_factory=dict)


@contextmanager
def noted(where: Place, deed: Deed) -> Iterator[None]:
    """Do the body on record. Raises `UserError` before anything is done where the note cannot be written."""
    note = pending.Note(where.stack, deed.action, runs.digest(where.city), getpass.getuser(), about=deed.about)
    try:
        pending.begin(note)
    except OSError as error:
        raise UserError(
            "accounts, consents, seats and minted sessions go on record, and nothing can be written below "
            f"{pending.folder()}, so nothing was done: {error}"
        ) from error
    outcome = Outcome.FAILED
    try:
        yield
        outcome = Outcome.DONE
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
        raise
    finally:
        with runs.told(_say):
            pending.end(note, _entry(note, deed, outcome))
        runs.ship(where.stack, _say)


def done(where: Place, deed: Deed) -> None:
    """Put on record what takes effect only once it is handed out, after this. Raises `UserError` as `noted` does."""
    with noted(where, deed):
        pass


def _entry(note: pending.Note, deed: Deed, outcome: Outcome) -> Entry:
    begun = stamp(datetime.fromtimestamp(note.since, UTC))
    facts = {**deed.facts, "begun": begun}
    who, kind = Who(None, None, note.user), runs.deed_kind(deed.about)
    return Entry(kind, deed.action, deed.about, outcome.value, note.policy, who, facts)


def _say(text: str) -> None:
    typer.echo(text, err=True)
