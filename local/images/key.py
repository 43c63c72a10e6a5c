"""The content key of an image: a hash over all that decides what is in it, so that equal inputs are built once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from local import paths
from local.images import debian
from local.images.definition import DEBIAN, Image, Images, folder, load
from local.toolchain import pins, resolve
from local.toolchain.golang import architecture
from local.toolchain.store import sha256

FORMAT = 3
"""Raise it when the way of building changes what comes out."""
IGNORED = frozenset({"__pycache__", "node_modules", "dist", ".lock", ".DS_Store"})
"""Made by tools beside the sources; never part of what an image is made from."""


def key(name: str) -> str:
    """Sixteen hex digits for the image ``name`` as the clone stands now."""
    images = load()
    image = images.get(name)
    facts = {
        "format": FORMAT,
        "architecture": architecture(),
        # Without what is not set: another kind of content in the format changes no image that has none of it.
        "definition": image.model_dump(mode="json", exclude={"internal"}, exclude_defaults=True),
        "base": base_key(image, images),
        "folder": tree(folder(name)),
        "copies": {source: tree(paths.ROOT / source) for source in image.copies},
        "site": tree(paths.ROOT / image.site.source) if image.site else None,
        "programs": {tool: resolve.key(pins.load().bundle_of(tool)) for tool in image.programs},
    }
    return digest(facts)


def base_key(image: Image, images: Images) -> str | None:
    """What stands for the base: its own key, the way Debian is had, or nothing for scratch."""
    if image.base is None:
        return None
    return debian.key(images) if image.base == DEBIAN else key(image.base)


def digest(facts: object) -> str:
    """Sixteen hex digits over plain data."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def tree(top: Path) -> str:
    """Hash over the names, modes (executable or not) and contents of the sources below ``top``."""
    return digest([[str(path.relative_to(top)), executable(path), sha256(path)] for path in sources(top)])


def executable(path: Path) -> bool:
    """Whether the owner may run it: the one bit of a file's mode that counts, as in git."""
    return bool(path.stat().st_mode & 0o100)


def sources(top: Path) -> Iterator[Path]:
    """Files below ``top``, sorted, without what tools leave beside them."""
    for path in sorted(top.rglob("*")):
        if path.is_file() and not IGNORED.intersection(path.relative_to(top).parts):
            yield path
