"""Cities, facts and clocks that the tests of monitoring share."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from catalog import City, load_named
from monitoring import facts
from monitoring.facts import Facts

SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(text: str) -> float:
    """Unix seconds of a local time in the city, for instance `2026-11-24 10:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC).timestamp()


@pytest.fixture(scope="session")
def tiny() -> City:
    """The small city: school from 08:00 to 17:30."""
    return load_named("tiny")


@pytest.fixture(scope="session")
def tiny_facts(tiny: City) -> Facts:
    """What is mounted for it."""
    return facts.of(tiny)
