"""What a load generator is told: the plan, the targets, where the platform is. Read once per process; holds no secret.

The session tokens come apart, in a file that only its owner reads.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from catalog.access import Scope
from loadtests.schedule import Plan
from loadtests.verdict import Goal

ORDER: Final = "HUIJU_LOAD_ORDER"
"""Variable with the path of the order."""
SESSIONS: Final = "HUIJU_LOAD_SESSIONS"
"""Variable with the path of the sessions, a JSON object of tokens by ``bearer``. Absent: everybody is anonymous."""


class Order(BaseModel):
    """One run, as every process of it is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Plan
    goals: tuple[Goal, ...]
    host: str = Field(description="Host name of the platform, as its certificate says.")
    address: str = Field(
        description="Where connections go: https://HOST:PORT, the platform's own or one that leads there."
    )
    authority: str = Field(default="", description="Certificates to trust besides the system's, in PEM.")
    lessons: tuple[str, ...] = Field(min_length=1, description="Ids of the lessons to play.")
    reach: dict[str, tuple[int, ...]] = Field(
        description="Which of the lessons a ``bearer`` may play; under ``ANYBODY`` the public."
    )
    list_path: str = Field(description="Path of the list of lessons.")
    report_in_log: bool = Field(
        default=False, description="Whether the HTML report is also written to standard output."
    )


ANYBODY: Final = ""
"""Whoever has no session."""


def read() -> Order:
    """The order that the environment names. Raises SystemExit with a sentence when there is none."""
    try:
        return Order.model_validate_json(Path(os.environ[ORDER]).read_bytes())
    except KeyError:
        raise SystemExit(f"{ORDER} is not set: start load tests with `huiju load run`") from None


def bearer(scope: Scope, school: str) -> str:
    """Whose session a token is: people of one school and one kind of tier share one."""
    return f"{scope}/{school}"


def sessions() -> dict[str, str]:
    """Session tokens by ``bearer``; empty when everybody is anonymous."""
    path = os.environ.get(SESSIONS)
    found: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return found
