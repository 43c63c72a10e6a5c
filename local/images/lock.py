"""Which images this clone uses: name -> reference by digest, in the clone's own lock file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from catalog.errors import UserError
from local import paths
from local.images.definition import load
from local.toolchain.store import locked


def references() -> dict[str, str]:
    """Every image built for this clone, by name."""
    try:
        rows = json.loads(paths.images_lock().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = load().public()
    return {name: reference for name, reference in rows.items() if name in known}


def reference(name: str) -> str:
    """``huiju.local/<name>@sha256:...``, or a :class:`UserError` when it is not built yet."""
    load().get(name)
    found = references().get(name)
    if found is None:
        raise UserError(f"the image {name} is not built on this machine. Build it: huiju images build {name}")
    return found


def record(built: Mapping[str, str]) -> None:
    """Add references to the lock, replacing the file in one step."""
    file = paths.images_lock()
    file.parent.mkdir(parents=True, exist_ok=True)
    with locked(file.with_suffix(".lock"), lambda: None):
        rows = references() | dict(built)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(dict(sorted(rows.items())), indent=2) + "\n", encoding="utf-8")
        partial.replace(file)
