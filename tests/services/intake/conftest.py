"""Settings of an intake that knows two schools, and one that runs before a stand-in for the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.intake.settings import Settings, writable
from tests.services.intake.running import Database, Running, database, intake
from tests.services.intake.told import CODE, JOB, OTHER, READING


@pytest.fixture(scope="session")
def settings() -> Settings:
    """As the platform gives them."""
    names = writable([READING, "up"], ["node_", "scrape_"])
    return Settings("http://127.0.0.1:9/api/v1/write", frozenset({CODE, OTHER}), JOB.encode(), names)


@pytest.fixture(scope="module")
def behind() -> Iterator[Database]:
    """What stands for the database."""
    with database() as found:
        yield found


@pytest.fixture(scope="module")
def running(behind: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An intake in a process of its own, before it."""
    with intake(tmp_path_factory.mktemp("intake"), behind.url) as process:
        yield process
