"""How records and documents spell a moment, and which day it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def stamp(moment: datetime) -> str:
    """An aware moment: UTC, ISO 8601, to the second, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def today(timezone: str) -> date:
    """The day that it is in a time zone, by its IANA name."""
    return datetime.now(ZoneInfo(timezone)).date()
