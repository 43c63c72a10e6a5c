"""A folder as the kubelet mounts a ConfigMap: versions side by side, and one link that is swapped."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.services.entitlement.conftest import NOW

_NUMBERS = itertools.count()
CATALOG = "c" * 64


def stamped(document: Mapping[str, Any], made: datetime = NOW) -> dict[str, str]:
    """A sound version: file -> text."""
    text = json.dumps(document, ensure_ascii=False)
    files = {"access.json": hashlib.sha256(text.encode()).hexdigest()}
    stamp = {"catalog": CATALOG, "made": made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "files": files}
    return {"access.json": text, "stamp.json": json.dumps(stamp)}


def swap(folder: Path, files: Mapping[str, str]) -> None:
    """Bring ``files`` into ``folder`` in one step."""
    behind = folder / f"..{next(_NUMBERS)}"
    behind.mkdir(parents=True)
    for name, text in files.items():
        (behind / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    new = folder / "..data_tmp"
    new.symlink_to(behind.name)
    new.rename(folder / "..data")


def sooner(document: Mapping[str, Any], minutes: int) -> dict[str, Any]:
    """The document with tokens that last so long: another version that answers can be told by."""
    return {**document, "token_minutes": minutes}
