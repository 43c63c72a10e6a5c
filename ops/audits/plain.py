"""Runs of the engine past the kit's command, such as a plain `pulumi up`: its own history tells of them, the kit's next run records them.

A record is made of the history alone, to the byte: whoever shares the backend makes the same one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from derive.audit import Entry, Kind
from derive.moments import stamp
from ops.audits import pending
from ops.stack.checkpoint import PROJECT
from ops.stack.store import Store

OURS = "pulumi.env.PULUMI_SKIP_CHECKPOINTS"
"""In the history's account of the environment: only the kit's own runs set it, and have records of their own."""
OUTCOMES = {"succeeded": "done", "failed": "failed"}
_KEY = re.compile(r".*-([0-9]{16,})\.history\.json")
_WORDS = {"create": "created", "update": "updated", "delete": "deleted", "replace": "replaced", "same": "unchanged"}


def note(backend: Store, stack: str) -> None:
    """Keep a record of every plain run of ``stack`` that no record was made of here. Raises OSError, or what a bucket raises."""
    seen = pending.seen(stack)
    for key, number in _history(backend, stack):
        if number <= seen:
            continue
        if found := _run(json.loads(backend.read(key) or b"{}"), stack):
            ended, entry = found
            pending.keep(stack, entry, ended, f"plain-{stack}")
        pending.see(stack, number)


def _history(backend: Store, stack: str) -> Iterator[tuple[str, int]]:
    """Keys of the history with their numbers, nanoseconds since 1970, the oldest first."""
    found = ((key, _KEY.fullmatch(key)) for key in backend.names(f".pulumi/history/{PROJECT}/{stack}"))
    yield from sorted(((key, int(match[1])) for key, match in found if match), key=lambda each: each[1])


def _run(row: Mapping[str, Any], stack: str) -> tuple[datetime, Entry] | None:
    """When a plain run ended and what is recorded of it; None for the kit's own, and for one that has no outcome."""
    environment, outcome = row.get("environment") or {}, OUTCOMES.get(str(row.get("result")))
    if outcome is None or OURS in environment:
        return None
    begun, ended = (datetime.fromtimestamp(int(row[each]), UTC) for each in ("startTime", "endTime"))
    changes = row.get("resourceChanges") or {}
    facts: dict[str, str | int] = {_WORDS.get(word, word): int(count) for word, count in changes.items() if count}
    facts |= {"begun": stamp(begun), "seconds": int((ended - begun).total_seconds())}
    if head := environment.get("git.head"):
        facts["commit"] = str(head)
    # The history does not say who it was.
    return ended, Entry(Kind.RUN, f"pulumi-{row['kind']}", f"stack/{stack}", outcome, None, None, facts)
