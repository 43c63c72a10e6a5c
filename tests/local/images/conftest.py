"""A workshop of one tiny image: definitions, cache and lock of its own, so that no test touches the clone's images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from local import paths
from local.images import definition

CONTAINERFILE = """
FROM scratch
COPY notes/ /notes/
USER 10001:10001
CMD ["/none"]
"""


@dataclass(frozen=True)
class Workshop:
    """Where the tiny images are."""

    file: Path
    folders: Path
    root: Path

    def define(self, images: dict[str, object]) -> None:
        """Write the definitions and have them read anew."""
        content = {"namespace": "test.local", "suite": "bookworm", "upstream": "debian:bookworm-slim", "images": images}
        self.file.write_text(yaml.safe_dump(content), encoding="utf-8")
        definition._read.cache_clear()


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """One image `tiny` from scratch that carries a Python distribution's metadata."""
    made = Workshop(tmp_path / "images.yaml", tmp_path / "images", tmp_path / "clone")
    (made.folders / "tiny").mkdir(parents=True)
    (made.folders / "tiny" / "Containerfile").write_text(CONTAINERFILE, encoding="utf-8")
    metadata = made.root / "notes" / "bell-2.5.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Name: Bell\nVersion: 2.5\n\nRings.\n", encoding="utf-8")
    monkeypatch.setattr(definition, "FILE", made.file)
    monkeypatch.setattr(definition, "FOLDERS", made.folders)
    monkeypatch.setattr(paths, "ROOT", made.root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HUIJU_SETTINGS", str(tmp_path / "settings.yaml"))
    (tmp_path / "cache" / "huiju").mkdir(parents=True)
    made.define({"tiny": {"title": "a test", "copies": {"notes": "notes"}}})
    return made


@pytest.fixture
def said() -> list[str]:
    """Progress lines of a run."""
    return []


@pytest.fixture
def say(said: list[str]) -> Callable[[str], None]:
    """Takes progress lines."""
    return said.append
