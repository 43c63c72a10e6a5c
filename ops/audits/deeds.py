"""Puts on record what an operator does by command to people and what is kept of them, and to what the platform offers: before it is done.

Where that cannot be noted, nothing is done.

As with runs of the platform (decision 0205) the note lies durably on this machine, the record takes its place when the deed ends, however
it ends, and goes to the store at once or with the next one. An account is named by its id, the subject of its sessions, so that what was
done to somebody lies beside what they did; its name may be a person's, and the record holds none. What somebody typed is recorded only
once it is known to be an id: it may be anything.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import typer

from catalog import names
from catalog.errors import UserError
from derive.audit import Entry, Who
from derive.moments import stamp
from local import paths
from ops.audits import pending, runs
from ops.audits.runs import Outcome
from ops.lessons.place import Place

ACCOUNTS: Final = "accounts"
"""All of them, where a deed is about no single one."""
CONSENTS: Final = "consents"
"""The same for what guardians agreed to."""


def account(known: str | None) -> str:
    """How an account is put on record; None: it is not made yet."""
    return f"account/{known or 'new'}"


def session(subject: str) -> str:
    """How a minted session is put on record: by its subject, never by its token."""
    return f"{runs.SESSIONS}/{subject}"


def profile(person: object) -> str:
    """How what is kept of somebody of the roster is put on record, whatever they are there: by their id on the platform."""
    return f"{names.RESOURCE_PROFILE}/{person}"


def roster(digest: str) -> str:
    """How the files of a roster are put on record: by their SHA-256."""
    return f"roster/{digest}"


def given(**facts: str | int | None) -> dict[str, str | int]:
    """Those of the facts that there are."""
    return {name: value for name, value in facts.items() if value is not None}


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
            f"this goes on the audit record first, and nothing can be written below {pending.folder()}, so nothing was done: {error}\n"
            f"`df -h {paths.state_dir()}` says whether there is room; then the same command again"
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
    who, kind = Who(None, None, note.user), runs.deed_kind(deed.action, deed.about)
    return Entry(kind, deed.action, deed.about, outcome.value, note.policy, who, facts)


def _say(text: str) -> None:
    typer.echo(text, err=True)
