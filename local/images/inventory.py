"""What is built here: looked up without building anything."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from catalog.errors import UserError
from local.images import storage
from local.images.builder import Built
from local.images.definition import load
from local.images.key import key
from local.toolchain import store


@dataclass(frozen=True)
class Row:
    """One image of the list; size (of the archive) and build time are nought when it is not built."""

    name: str
    title: str
    built: bool
    reference: str = ""
    mebibytes: float = 0
    seconds: float = 0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def rows() -> list[Row]:
    """Every image, internal ones included, in the order of the file."""
    return [_row(name) for name in load().images]


def built(name: str) -> Built:
    """The image as the clone stands now, or a :class:`UserError` when it is not built."""
    found = _find(name)
    if found is None:
        raise UserError(f"the image {name} is not built as the clone stands now. Build it: huiju images build {name}")
    return found


def clean() -> int:
    """Delete the cache of images, sessions of running builds excepted; returns the bytes freed."""
    freed = 0
    for folder in (path for path in storage.root().glob("*/*") if path.is_dir() and path.parent.name != "sessions"):
        freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
        store.remove(folder)
    return freed


def _find(name: str) -> Built | None:
    load().get(name)
    folder = storage.entry(name, image_key := key(name))
    if not store.intact(folder):
        return None
    return Built(name, image_key, **json.loads((folder / "record.json").read_text(encoding="utf-8")))


def _row(name: str) -> Row:
    title, found = load().get(name).title, _find(name)
    if found is None:
        return Row(name, title, built=False)
    return Row(name, title, True, found.reference, round(found.archive.stat().st_size / 2**20, 1), found.seconds)
