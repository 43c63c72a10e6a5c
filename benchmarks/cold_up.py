"""How long is the first `make up` on a machine whose caches are empty, where every tool is built from source?

A clone of its own with caches, state and settings of its own runs the README's first command once; the programs of the host are
already there (apt installs them in one to two minutes elsewhere). Each row is the seconds between two lines that the command
itself prints. Everything it made is removed afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import paths

TITLE = "`make up` on an empty cache"
MARKS = (
    (re.compile(r"^setup: Python packages ready"), "Python packages"),
    (re.compile(r"^toolchain: (\S+) (\S+): built"), "tool: {}"),
    (re.compile(r"^✓ (.+?)\s+[\d.]+ s$"), "phase: {}"),
)
"""A line that ends a row, and the row's name."""
FAILED = "the README's first command failed on an empty cache"


def run() -> list[dict[str, Any]]:
    """One row per tool and phase, and the whole."""
    with tempfile.TemporaryDirectory(prefix="huiju-cold-") as scratch, _clone(Path(scratch)) as (clone, environment):
        begun = time.monotonic()
        rows = list(_timed(clone, environment))
        return [_row("whole", time.monotonic() - begun), *rows]


@contextmanager
def _clone(scratch: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A clone of what is committed here, with nothing of ours at hand; its platform is taken down afterwards."""
    clone = scratch / "clone"
    subprocess.run(["git", "clone", "--quiet", str(paths.ROOT), str(clone)], check=True)
    folders = {f"XDG_{name}_HOME": str(scratch / name.lower()) for name in ("CACHE", "STATE", "CONFIG", "DATA")}
    dropped = {"VIRTUAL_ENV", "HUIJU_CLONE_ID"}
    environment = {key: value for key, value in os.environ.items() if key not in dropped} | folders
    try:
        yield clone, environment
    finally:
        subprocess.run(["make", "down"], cwd=clone, env=environment, check=False)
        shutil.rmtree(scratch / "cache", ignore_errors=True)


def _timed(clone: Path, environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    before = time.monotonic()
    command = subprocess.Popen(
        ["make", "up"], cwd=clone, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    for line in command.stdout or ():
        print(line, end="", flush=True)
        if name := _ended(line.strip()):
            now = time.monotonic()
            yield _row(name, now - before)
            before = now
    if command.wait():
        raise RuntimeError(FAILED)


def _ended(line: str) -> str | None:
    found = ((pattern.match(line), name) for pattern, name in MARKS)
    return next((name.format(*match.groups()) for match, name in found if match), None)


def _row(name: str, seconds: float) -> dict[str, Any]:
    return {"name": name, "n": 1, "unit": "s", "median": seconds}
