"""Lessons on a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from catalog import load_named
from ops.lessons import table

LICENCES = {row.id: row for row in load_named("tiny").licences}
PUBLISHED = datetime(2026, 10, 1, tzinfo=UTC)


def _row(licence: str | None) -> dict[str, Any]:
    school = {"code": "2990100001", "name": {"zh": "一小", "en": "First"}}
    return {"id": "l-x", "title": "t", "school": school, "seconds": 61, "published": "2026-10-01T00:00:00Z",
            "licence": {"id": licence} if licence else None}  # fmt: skip


def _shown(licence: str | None, now: datetime) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(table.listed([_row(licence)], LICENCES, now))
    return out.getvalue()


@pytest.mark.parametrize(
    ("licence", "days", "said"),
    [
        ("open-sharing", 4000, "open-sharing"),
        ("school-year", 364, "school-year, closes 2027-10-01"),
        ("school-year", 365, "school-year, closed 2027-10-01"),
        ("gone", 0, "gone, not of this city"),
        (None, 0, "none, not of this city"),
    ],
)
def test_the_list_says_how_long_a_lesson_stands_open(licence: str | None, days: int, said: str) -> None:
    line = _shown(licence, PUBLISHED + timedelta(days=days)).splitlines()[1].rstrip()
    assert line.endswith(f"2026-10-01  {said}")


def test_programs_are_told_the_moment() -> None:
    found = table.state(_row("school-year"), LICENCES, PUBLISHED)
    assert found == {"closes": "2027-10-01T00:00:00+00:00", "closed": False}
