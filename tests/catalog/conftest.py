"""A copy of the city `tiny` to spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalog import DATA


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with a copy of the city `tiny`."""
    return Path(shutil.copytree(DATA / "tiny", tmp_path / "city"))
