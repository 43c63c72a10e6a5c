"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands. Only ``missing`` keeps the kit from working; ``unused`` is missing but not needed as things are."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNUSED = "unused"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, and what to type when it does not stand well."""

    area: str
    name: str
    state: State
    detail: str
    mend: str = ""


def judged(area: str, name: str, good: bool, detail: str, mend: str, *, otherwise: State = State.MISSING) -> Finding:
    """A finding that is ok when ``good``; else ``otherwise``, with the command that mends it."""
    return Finding(area, name, State.OK, detail) if good else Finding(area, name, otherwise, detail, mend)
