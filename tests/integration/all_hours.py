"""A city that is judged now, whatever the day and the hour: `tiny` with its bells ringing round the clock, every day, and reach measured
as finely as the catalog lets it be.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from catalog import DATA

MARGIN = timedelta(days=40)
"""Of the term around today: more than the school days that the objective is counted over, once weekends are school days."""
WINDOW_MINUTES, PROBE_SECONDS = 2, 10
"""The least that `catalog.coverage` allows."""


def city(folder: Path) -> Path:
    """Folder of the edited copy, below ``folder``."""
    copy = Path(shutil.copytree(DATA / "tiny", folder / "all-hours"))
    _edit(copy / "timetable.yaml", _timetable)
    _edit(copy / "coverage.yaml", _coverage)
    _edit(copy / "live.yaml", _night)
    return copy


def _edit(file: Path, change: Any) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _timetable(document: dict[str, Any]) -> None:
    timetable, today = document["timetable"], datetime.now(UTC).date()
    name = {"zh": "当前学期", "en": "Current term"}
    term = {"id": "now", "name": name, "starts": today - MARGIN, "ends": today + MARGIN}
    timetable |= {"weekdays": list(range(1, 8)), "terms": [term], "holidays": [], "make_up_days": []}
    for schedule in timetable["bells"]:
        schedule |= {"arrival": "00:00", "departure": "23:59"}


def _coverage(document: dict[str, Any]) -> None:
    document["coverage"] |= {"window_minutes": WINDOW_MINUTES, "probe_seconds": PROBE_SECONDS}


def _night(document: dict[str, Any]) -> None:
    """The one minute that is left for fetching ahead."""
    document["link_budget"] |= {"prefetch_from": "23:59", "prefetch_to": "00:00"}
