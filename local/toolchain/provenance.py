"""Where a bundle came from, kept beside it: ``source.json`` in each cache entry."""

from __future__ import annotations

import json
from pathlib import Path

NAME = "source.json"


def write(folder: Path, **facts: str) -> None:
    """Record ``facts`` of a bundle under construction."""
    (folder / NAME).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, str]:
    """The facts of a bundle; empty when there are none."""
    try:
        facts = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
