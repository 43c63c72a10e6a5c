"""Lessons as tables on a terminal: the list with how long each stands open, and one lesson's facts and renditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from catalog.access import Licence
from derive import licence_days

Row = Mapping[str, Any]
"""A lesson's record, or its row of the list."""


def listed(found: list[dict[str, Any]], licences: Mapping[str, Licence], now: datetime) -> Table:
    """The list; ``now`` is aware."""
    table = Table(
        Column("ID", no_wrap=True),
        "Title",
        "School",
        "Length",
        Column("Published", no_wrap=True),
        "Licence",
        box=None,
        pad_edge=False,
    )
    for row in found:
        told = _told(row, state(row, licences, now))
        cells = (
            row["id"],
            row["title"],
            row["school"]["name"]["zh"],
            _clock(row["seconds"]),
            row["published"][:10],
            told,
        )
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def state(row: Row, licences: Mapping[str, Licence], now: datetime) -> dict[str, Any]:
    """When the lesson's licence closes for it (ISO 8601, or None), and whether it has."""
    licence, published = (
        licences.get(str((row.get("licence") or {}).get("id"))),
        datetime.fromisoformat(row["published"]),
    )
    end = licence_days.closes(licence, published) if licence else None
    return {"closes": end.isoformat() if end else None, "closed": licence_days.closed(licence, published, now)}


def _told(row: Row, told: Row) -> str:
    """The licence, and until when it holds."""
    name = (row.get("licence") or {}).get("id") or "none"
    if told["closed"]:
        return f"{name}, closed {told['closes'][:10]}" if told["closes"] else f"{name}, not of this city"
    return f"{name}, closes {told['closes'][:10]}" if told["closes"] else name


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def facts(record: Row, url: str) -> dict[str, Any]:
    """What is known of a lesson, by the name that it is shown under."""
    school = record["school"]
    known = {
        "Title": record["title"], "School": f"{school['name']['zh']} / {school['name']['en']} ({school['code']})",
        "Teacher": record.get("teacher"), "Subject": record.get("subject"), "Licence": record.get("licence", {}).get("id"),
        "Length": _clock(record["seconds"]), "Captions": ", ".join(row["lang"] for row in record.get("captions", [])),
        "Replaces": record.get("replaces"), "Size": f"{record['bytes'] / 2**20:.1f} MiB", "Published": record["published"], "URL": url,
    }  # fmt: skip
    return {name: value for name, value in known.items() if value}


def renditions(record: Row) -> Table:
    """The renditions with their measured rates."""
    table = Table(
        "Rendition", "Picture", "Frames/s", "Mean kbit/s", "Peak kbit/s", "Segments", box=None, pad_edge=False
    )
    for row in record["renditions"]:
        rates = (f"{row[key] / 1000:.0f}" for key in ("average_bps", "peak_bps"))
        table.add_row(row["name"], f"{row['width']}x{row['height']}", str(row["fps"]), *rates, str(row["segments"]))
    return table
