"""Settings of an intake that knows two schools."""

from __future__ import annotations

import pytest

from services.intake.settings import Settings, writable

CODE, OTHER = "9990100001", "9990100002"
READING, JOB = "city_school_lesson_fetch_seconds", "school-box"
TOLD = {"job": JOB, "metrics": [READING, "up"], "families": ["node_", "scrape_"]}


@pytest.fixture(scope="session")
def settings() -> Settings:
    """As the platform gives them."""
    names = writable([READING, "up"], ["node_", "scrape_"])
    return Settings("http://127.0.0.1:9/api/v1/write", frozenset({CODE, OTHER}), JOB.encode(), names)
