"""A plan of what to fetch before it is needed, as the platform wrote it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .cache import LESSON_PATH
from .withdrawals import LESSON, moment

VERSION = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Item:
    """One object: its path, size in bytes, and the lesson that it belongs to."""

    path: str
    size: int
    lesson: str


@dataclass(frozen=True)
class Sample:
    """From when on the box measures its link (Unix seconds), how long, and with how much at most (MiB)."""

    not_before: float
    seconds: float
    mib: int


@dataclass(frozen=True)
class Plan:
    """Items in the order of fetching, the window (Unix seconds) and the rate (kbit/s)."""

    version: str
    made: float
    """Unix seconds."""
    not_before: float
    not_after: float
    kbps: float
    items: tuple[Item, ...]
    sample: Sample | None = None
    """None in a plan of a platform that does not ask for one."""


def parse(found: Any, school: str) -> Plan:  # noqa: ANN401  # whatever the platform said
    """The plan of this school. ValueError says what is wrong with it."""
    try:
        items = tuple(Item(str(row["path"]), int(row["bytes"]), str(row["lesson"])) for row in found["items"])
        window = found["window"]
        plan = Plan(
            str(found["version"]), moment(found["made"]), float(window["not_before"]), float(window["not_after"]),
            float(found["kbps"]), items, _sample(found.get("sample")),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no plan: {type(error).__name__}: {error}") from error
    if found.get("school") != school or not VERSION.fullmatch(plan.version) or not plan.kbps > 0:
        raise ValueError("no plan of this school, or without a version or a rate")
    for item in plan.items:
        if not (LESSON_PATH.fullmatch(item.path) and LESSON.fullmatch(item.lesson) and item.size >= 0):
            raise ValueError(f"no object of a lesson: {item.path!r}")
    return plan


def _sample(found: Any) -> Sample | None:  # noqa: ANN401  # whatever the platform said
    return Sample(float(found["not_before"]), float(found["seconds"]), int(found["mib"])) if found else None
