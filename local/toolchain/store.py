"""The content-keyed cache of tools: entries appear whole or not at all, and a damaged one is noticed and made again.

An entry is ``<cache>/tools/<bundle>/<key>/`` with a manifest of every file. It is filled in a folder beside it under a file lock and
renamed into place. The lock is inherited by the compilers, so a killed run whose children still write keeps the next one waiting
instead of racing it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.toolchain.report import Say

MANIFEST = "manifest.json"


def ensure(folder: Path, fill: Callable[[Path], None], say: Say) -> Path:
    """The entry ``folder``, filled by ``fill(temporary folder)`` if it is absent or damaged."""
    if intact(folder):
        return folder
    with locked(
        folder.with_name(f"{folder.name}.lock"), lambda: say(f"{folder.parent.name}: another run is making it, waiting")
    ):
        if intact(folder) or _mended(folder, say):
            return folder
        temporary = folder.with_name(f".{folder.name}.partial")
        remove(temporary)
        temporary.mkdir(parents=True)
        fill(temporary)
        _write_manifest(temporary)
        remove(folder)
        temporary.rename(folder)
    return folder


@contextmanager
def locked(path: Path, when_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; child processes inherit it, so it outlives a killed parent until they end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            when_waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)
        yield


def intact(folder: Path) -> bool:
    """Cheap check made at each use: every file of the manifest has the size and time of change it was written with."""
    files = _manifest(folder)
    return bool(files) and all(_stamp(folder / name) == [row["size"], row["mtime_ns"]] for name, row in files.items())


def damage(folder: Path) -> list[str]:
    """Full check by SHA-256: one line per file that is missing or differs from the manifest, or that there is no manifest."""
    files = _manifest(folder)
    if not files:
        return [f"{folder / MANIFEST}: missing or unreadable"]
    found = []
    for name, row in files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{path}: missing")
        elif sha256(path) != row["sha256"]:
            found.append(f"{path}: content differs from the manifest")
    return found


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove(folder: Path) -> None:
    """Delete a folder tree if it is there, read-only folders (Go's module cache has them) included."""
    if not folder.exists():
        return
    for parent, folders, _ in os.walk(folder):
        for name in [".", *folders]:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(folder)


def _mended(folder: Path, say: Say) -> bool:
    """True when the entry's content is right after all (copied or touched) and its stamps were written anew."""
    if not folder.exists():
        return False
    found = damage(folder)
    if not found:
        _write_manifest(folder)
        return True
    say(f"{folder.parent.name}: the cached entry is damaged and will be made again ({'; '.join(found)})")
    return False


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _manifest(folder: Path) -> dict[str, dict[str, int | str]]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def _write_manifest(folder: Path) -> None:
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST):
        status = path.stat()
        files[str(path.relative_to(folder))] = {
            "sha256": sha256(path),
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
        }
    with (folder / MANIFEST).open("w", encoding="utf-8") as stream:
        json.dump({"files": files}, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
