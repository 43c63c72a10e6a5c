"""A roster of two small schools in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The roster's files."""
    return small.written(tmp_path_factory.mktemp("roster") / "files")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """The server, with the roster in it."""
    with roster_server.running() as found:
        found.take(folder)
        yield found
