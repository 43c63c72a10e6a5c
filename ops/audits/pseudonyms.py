"""What evaluators are given of the audit record: what happened, by tier and school, with keyed hashes in place of people.

A hash without a key could be undone by trying every subject. Each export has a key of its own that is kept nowhere, unless a key file is
named so that several exports speak of the same people.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from derive import grounds, lesson
from derive.audit import Kind, Record
from ops import given_files

LEAST_BYTES = 32
HIDDEN = "-"


def key(where: Path | None) -> bytes:
    """The key in a file, or one that nobody will know. Raises `UserError` for a short one, and for none."""
    if where is None:
        return secrets.token_bytes(LEAST_BYTES)
    make = (
        f"`openssl rand -hex 32 > {where}` makes a new one; the same people have the same hash under the same key only"
    )
    found = given_files.content("--key", where, make).strip()
    if len(found) < LEAST_BYTES:
        raise UserError(f"--key: {where} is no key: at least {LEAST_BYTES} bytes\n{make}")
    return found


def takes(record: Record) -> bool:
    """Whether it is a decision: nothing else is handed on."""
    return record.entry.kind in {Kind.GRANT, Kind.REFUSAL}


def rows(found: Iterable[Record], secret: bytes) -> Iterator[dict[str, Any]]:
    """Decisions as evaluators see them: by the hour, without places of the chain, machines, or what strangers typed.

    A ground names the city's tiers, agreements, alliances, licences and rules, and nobody.
    """
    for record in filter(takes, found):
        entry, who = record.entry, record.entry.who
        yield {
            "hour": f"{record.time[:13]}:00Z",
            "kind": entry.kind.value,
            "tier": who.tier if who else None,
            "school": who.school if who else None,
            "person": pseudonym(who.subject, secret) if who and who.subject else None,
            "action": entry.action,
            "resource": entry.resource if lesson.LESSON_ID.fullmatch(entry.resource) else HIDDEN,
            "why": entry.why,
            # Of a refusal the facts are what somebody asked for.
            "ground": grounds.of_record(entry.facts) if entry.kind is Kind.GRANT else None,
        }


def pseudonym(subject: str, secret: bytes) -> str:
    """Sixteen hexadecimal digits: the same for the same person and key."""
    return hmac.new(secret, subject.encode(), hashlib.sha256).hexdigest()[:16]
