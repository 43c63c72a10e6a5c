"""A real PostgreSQL with the roster's tables, and files to take in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops import roster
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching
from ops.rosters.importing import Connect
from tests import roster_server
from tests.ops.rosters import small
from tests.roster_server import HASHES, Server


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


@pytest.fixture
def stack(server: Server, unshipped: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack whose database is the test's, and whose city is the two small schools."""

    @contextmanager
    def connecting(_: Place, role: str) -> Iterator[Connect]:
        yield lambda: server.connect(role)

    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {}, None, None))
    monkeypatch.setattr(reaching, "connecting", connecting)
    monkeypatch.setattr(reaching, "pseudonyms", lambda _: HASHES)
    monkeypatch.setattr(reaching, "who", lambda _: "somebody")
    monkeypatch.setattr(roster, "load_named", lambda _: small.city())
    monkeypatch.setattr(roster, "today", lambda _: small.TODAY)
