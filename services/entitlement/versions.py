"""One version of the rules, read whole from the mounted folder and checked before anything is decided by it. Pure but for the reading."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from derive import generated
from services.entitlement.rules import Rules

RULES_FILE, STAMP_FILE = "access.json", generated.STAMP
LINK = "..data"
"""The link that the kubelet swaps when a mounted ConfigMap changes: what lies behind it never changes."""
AHEAD = timedelta(minutes=2)
"""How far the clock that stamped a version may be ahead of this one; more, and one of the two is wrong."""
WHOLE = ("tiers", "licences", "classes", "schools")
"""Tables that no city is without; an empty one is a document that was cut."""
SHORT = 12
"""Digits of a digest that name a version in lines that people read."""


class UnsoundError(Exception):
    """The mounted rules are no rules: ``reason`` is one of few words for a metric, the text says what is wrong."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Version:
    """Rules that count, and what names them."""

    digest: str
    """sha256 of the document, hexadecimal."""
    catalog: str
    """Digest of the catalog that it was compiled from."""
    made: datetime
    rules: Rules = field(repr=False)
    turn: int = 1
    """Which one of this process, as `standing` counts them: rules that come back have their digest again, and another turn."""

    @property
    def name(self) -> str:
        """What a log line and a metric call it."""
        return self.digest[:SHORT]


def read(folder: Path, now: datetime) -> Version:
    """The version that lies in ``folder``. Raises `UnsoundError` for one that is missing, empty, cut, altered or of the future."""
    # Behind the link both files are of one version, whatever is swapped meanwhile.
    behind = (folder / LINK).resolve() if (folder / LINK).exists() else folder
    text, stamp = _text(behind / RULES_FILE), _json(_text(behind / STAMP_FILE), STAMP_FILE)
    digest, (wanted, catalog, made) = generated.digest(text), _stamped(stamp)
    if digest != wanted:
        raise UnsoundError("altered", f"{RULES_FILE} is not the file that its stamp names ({wanted[:SHORT]})")
    if made > now + AHEAD:
        raise UnsoundError(
            "from-the-future", f"made at {made:%Y-%m-%d %H:%M:%S}Z, and it is {now:%Y-%m-%d %H:%M:%S}Z here"
        )
    return Version(digest, catalog, made, _rules(_json(text, RULES_FILE)))


def _text(file: Path) -> str:
    try:
        found = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UnsoundError("missing", f"{file.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnsoundError("altered", f"{file.name} is not text") from error
    if not found.strip():
        raise UnsoundError("empty", f"{file.name} is empty")
    return found


def _json(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UnsoundError("cut", f"{name} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnsoundError("cut", f"{name} is no JSON object")
    return found


def _stamped(stamp: dict[str, Any]) -> tuple[str, str, datetime]:
    """Digest of the document, digest of the catalog, and when it was made."""
    try:
        made = datetime.fromisoformat(stamp["made"])
        found = str(stamp["files"][RULES_FILE]), str(stamp["catalog"]), made
    except (KeyError, TypeError, ValueError) as error:
        raise UnsoundError("cut", f"{STAMP_FILE} lacks what it is for: {error!r}") from error
    if made.tzinfo is None:
        raise UnsoundError("cut", f"{STAMP_FILE} names a moment without a time zone")
    return found


def _rules(document: dict[str, Any]) -> Rules:
    try:
        rules = Rules(document)
        hollow = [table for table in WHOLE if not document[table]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnsoundError("cut", f"{RULES_FILE} lacks or garbles a table: {error!r}") from error
    if hollow:
        raise UnsoundError("cut", f"{RULES_FILE} has nothing in: {', '.join(hollow)}")
    return rules
