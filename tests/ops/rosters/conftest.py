"""A real PostgreSQL with the roster's tables, and files to take in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import Server


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """The server, for all tests of a file."""
    with roster_server.running() as found:
        yield found


@pytest.fixture
def server(running: Server) -> Server:
    """The server with nobody in it."""
    roster_server.emptied(running)
    return running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of two small schools, to be changed."""
    return small.written(tmp_path / "roster")
