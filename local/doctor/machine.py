"""The machine itself: Python, disk, memory, processors, open files, clock, settings."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage

import psutil

from catalog.errors import UserError
from local import paths, settings
from local.doctor.finding import Finding, State, judged

AREA = "machine"
DISK_GIB = 12
"""Images, cluster data and lessons of the tiny city with room to work (measured 2026-11-24: about 6)."""
BUILD_DISK_GIB = 20
"""More, while tools are still to be built (docs/decisions/0030)."""
MEMORY_GIB = 3
"""The idle platform takes 1 GiB (measured 2026-11-24), packaging a lesson about as much again."""
PROCESSORS = 2
OPEN_FILES = 4096
DAY_SECONDS = 86_400


def findings(building: bool) -> Iterator[Finding]:
    """``building``: whether tools are still to be built."""
    yield judged(
        AREA,
        "python",
        sys.version_info >= (3, 11),
        platform.python_version(),
        "install Python 3.11 or newer; make setup",
    )
    yield _packages()
    yield _architecture()
    yield _disk(DISK_GIB + (BUILD_DISK_GIB if building else 0))
    yield _memory()
    processors = len(os.sched_getaffinity(0))
    yield judged(AREA, "processors", processors >= PROCESSORS, f"{processors}", "two or more", otherwise=State.WARNING)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    yield judged(
        AREA, "open files", files == resource.RLIM_INFINITY or files >= OPEN_FILES, f"limit {files}", "ulimit -n 20000"
    )
    yield _clock()
    yield _settings()


def _packages() -> Finding:
    """Whether the virtual environment holds what the lock says now."""
    stamp = paths.ROOT / ".venv" / ".huiju-setup"
    fresh = stamp.exists() and stamp.read_text(encoding="utf-8") == _packages_wanted()
    detail = "as locked" if fresh else "not installed by set-up, or older than the lock"
    return judged(AREA, "python packages", fresh, detail, "make setup", otherwise=State.WARNING)


def _packages_wanted() -> str:
    """What set-up notes in its stamp: local/setup.sh reckons the same, by content, since git gives files a new time at will."""
    content = b"".join(
        (paths.ROOT / name).read_bytes() for name in ("requirements.lock", "pyproject.toml", "local/setup.sh")
    )
    return f"{hashlib.sha256(content).hexdigest()} {paths.ROOT}"


def _architecture() -> Finding:
    machine = platform.machine()
    if machine == "x86_64":
        return Finding(AREA, "architecture", State.OK, machine)
    known = machine == "aarch64"
    detail = f"{machine}: {'built for, but not proven' if known else 'not supported'}"
    return Finding(AREA, "architecture", State.WARNING if known else State.MISSING, detail, "use an x86-64 machine")


def _disk(needed_gib: int) -> Finding:
    """Free space where caches and state go: the smaller of the two."""
    folders = {folder: disk_usage(existing(folder)).free / 2**30 for folder in (paths.cache_dir(), paths.state_dir())}
    folder, free = min(folders.items(), key=lambda pair: pair[1])
    mend = "huiju toolchain clean, or set XDG_CACHE_HOME and XDG_STATE_HOME to a larger disk"
    return judged(
        AREA, "disk", free >= needed_gib, f"{free:.0f} GiB free at {existing(folder)}, {needed_gib} needed", mend
    )


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 2**30
    return judged(
        AREA, "memory", free >= MEMORY_GIB, f"{free:.1f} GiB available, {MEMORY_GIB} needed", "end other programs"
    )


def _clock() -> Finding:
    """Certificates are made and checked by the clock: it must not be behind the files of this clone."""
    newest = max(path.stat().st_mtime for path in (paths.ROOT / "requirements.lock", paths.ROOT / "pyproject.toml"))
    good = time.time() > newest - DAY_SECONDS
    return judged(
        AREA, "clock", good, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "date -s, or start a time service"
    )


def _settings() -> Finding:
    where = settings.path()
    try:
        settings.load()
    except UserError as error:
        return Finding(AREA, "settings", State.MISSING, str(error), f"edit {where}")
    return Finding(AREA, "settings", State.OK, str(where) if where.exists() else f"defaults (no {where})")


def existing(folder: Path) -> Path:
    """The nearest folder above that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())
