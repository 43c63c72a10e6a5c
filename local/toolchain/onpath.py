"""Tools that are already on this machine: taken from PATH when they are new enough, by their own word."""

from __future__ import annotations

import functools
import operator
import os
import re
import shutil
import subprocess
from pathlib import Path

from local import paths
from local.toolchain.golang import as_numbers
from local.toolchain.pins import OnPath

PATIENCE_SECONDS = 15
COMPARISONS = {">=": operator.ge, "<": operator.lt, "==": operator.eq}


def find(program: str, row: OnPath) -> Path | None:
    """The program on PATH if its version is in range and everything that must lie beside it does."""
    found = shutil.which(program, path=search_path())
    if found is None:
        return None
    path = Path(found)
    if not all((path.resolve().parent / name).exists() for name in row.beside):
        return None
    version = version_of(path, row.arguments)
    return path if version and accepted(version, row.accepts) else None


def find_plugin(program: str, version: str) -> Path | None:
    """A provider that the user's own Pulumi has already installed, of exactly this version."""
    homes = {os.environ.get("PULUMI_HOME", ""), str(Path.home() / ".pulumi")} - {
        "",
        str(paths.state_dir() / "pulumi-home"),
    }
    name = program.removeprefix("pulumi-")
    found = (Path(home) / "plugins" / f"{name}-v{version}" / program for home in sorted(homes))
    return next((path for path in found if os.access(path, os.X_OK) and not path.is_symlink()), None)


def search_path() -> str:
    """PATH without the folders of our own cache, which ``huiju env`` puts there."""
    ours = str(paths.cache_dir() / "tools")
    return os.pathsep.join(
        part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if not part.startswith(ours)
    )


@functools.cache
def version_of(path: Path, arguments: tuple[str, ...]) -> str:
    """The first version number in the program's own answer; empty when it gives none."""
    try:
        done = subprocess.run(
            [str(path), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\d+\.\d+(?:\.\d+)?", done.stdout + done.stderr) if done.returncode == 0 else None
    return match[0] if match else ""


def accepted(version: str, range_: str) -> bool:
    """Whether ``version`` satisfies every part of a range such as ``>=1.34,<1.37``."""
    for part in range_.split(","):
        match = re.fullmatch(r"\s*(>=|<|==)\s*([\d.]+)\s*", part)
        if not match:
            raise ValueError(f"not a version range: {range_!r}")
        if not COMPARISONS[match[1]](_padded(version), _padded(match[2])):
            return False
    return True


def _padded(version: str) -> tuple[int, ...]:
    numbers = as_numbers(version)
    return (*numbers, *[0] * (3 - len(numbers)))
