"""A state folder of its own for every test, so that none touches what a person runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.audits import runs
from ops.stack.store import FolderStore


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`$XDG_STATE_HOME` inside the test's own folder, and no city chosen; returns the folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("HUIJU_BACKEND_URL", raising=False)
    # `huiju up` sets it for the engine. First set, so that it is put back whatever it was.
    monkeypatch.setenv("CITY", "")
    monkeypatch.delenv("CITY")
    return tmp_path / "state"


@pytest.fixture
def unshipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """No store is there: what is put on record waits on this machine."""
    monkeypatch.setattr(runs, "ship", lambda *_: None)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """An empty file backend."""
    return FolderStore(tmp_path / "backend")


@pytest.fixture
def said() -> list[str]:
    """Takes what is said to the user: pass `said.append`."""
    return []
