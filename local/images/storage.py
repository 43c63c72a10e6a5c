"""Where images live in the cache, the engine's short-lived storage, and what is thrown away when."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import UserError
from local import paths
from local.toolchain import store

KEPT = 3
"""Entries kept per image: this clone's, and those of a branch or two beside it."""
PARTIAL_SECONDS = 86_400
NEEDED_GIB = 4
"""Free disk before a build: building all images at once took 2.7 GiB at the most, archives included (2026-11-24)."""


def root() -> Path:
    """Everything about images in the shared cache."""
    return paths.cache_dir() / "images"


def entry(name: str, key: str) -> Path:
    """Folder of one built image."""
    return root() / name / key


@contextmanager
def session() -> Iterator[Path]:
    """A folder for an engine's storage, gone afterwards; what a killed run left behind is cleared away first."""
    sessions = root() / "sessions"
    sessions.mkdir(parents=True, exist_ok=True)
    for left in sessions.iterdir():
        if left.is_dir() and not _alive(left.name.split("-")[0]):
            discard(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=sessions))
    try:
        yield folder
    finally:
        discard(folder)


def _alive(pid: str) -> bool:
    """Whether a process of that number runs; a number taken over by another process only delays the clearing."""
    return Path("/proc", pid).exists()


def discard(folder: Path) -> None:
    """Unmount what an engine left mounted below ``folder`` (deepest first) and delete it."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    for point in sorted((point for point in mounted if Path(point).is_relative_to(folder)), reverse=True):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def check_disk() -> None:
    """Refuse to begin a build that would fill the disk."""
    free = shutil.disk_usage(paths.cache_dir()).free / 2**30
    if free < NEEDED_GIB:
        raise UserError(
            f"building an image needs {NEEDED_GIB} GiB free under {paths.cache_dir()}, there are {free:.1f}.\n"
            "Free some (huiju toolchain clean, huiju images clean), or set XDG_CACHE_HOME to a larger disk."
        )


def prune(names: Iterable[str], keep: int = KEPT) -> None:
    """Delete all but the ``keep`` newest entries of every image, of the bootstrapped base and of the built pages.

    What a killed build left half-made goes too, once it is a day old: the next build of the same key would have begun it anew.
    """
    for name in [*names, "debian", "sites"]:
        folders = [path for path in (root() / name).glob("*") if path.is_dir() and not path.name.startswith(".")]
        for old in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[keep:]:
            store.remove(old)
        for partial in (root() / name).glob(".*.partial"):
            if partial.stat().st_mtime < time.time() - PARTIAL_SECONDS:
                store.remove(partial)
