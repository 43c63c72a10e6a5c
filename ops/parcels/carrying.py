"""Bring a parcel of lessons to a box that can be reached, over the technician's way in, and have the box take it in."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from catalog.errors import UserError
from derive.lesson_parcel import MANIFEST, MEDIA

STAGE = "/var/lib/huiju-stick"
"""Where a parcel lies on the box until it is taken in."""
Reach = Callable[[str], list[str]]
"""What a shell on the box is to run -> the line that has it run."""


def apply(folder: Path, reach: Reach, stage: str = STAGE) -> None:
    """Send what the box has not got yet, then have it apply the parcel; cut off, it goes on. UserError when it does not take it."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} holds no parcel of lessons: `huiju parcel make` with --lessons makes them")
    missing = _missing(folder, _there(reach, stage))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as names:
        names.write("\n".join(missing))
        names.flush()
        packing = subprocess.Popen(("tar", "-C", str(folder), "-T", names.name, "-c"), stdout=subprocess.PIPE)
        line = reach(f"cd {stage} && tar -x --no-same-owner && huiju-parcel apply {stage} && rm -r {stage}")
        done = subprocess.run(line, stdin=packing.stdout, check=False)
        packing.kill()
        packing.wait()
    if done.returncode:
        raise UserError("the box did not take it, it says why above; the same command goes on")


def _there(reach: Reach, stage: str) -> dict[str, int]:
    """Files of a parcel that lie on the box already, and their bytes."""
    line = reach(f"mkdir -p {stage} && cd {stage} && find . -type f -printf '%P %s\\n'")
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(f"the box is not reached: {done.stderr.strip()}")
    rows = (row.rpartition(" ") for row in done.stdout.splitlines())
    return {name: int(size) for name, _, size in rows}


def _missing(folder: Path, there: dict[str, int]) -> list[str]:
    """Files to send; the list always, and last."""
    media = (path for path in sorted((folder / MEDIA).rglob("*")) if path.is_file())
    named = ((path.relative_to(folder).as_posix(), path.stat().st_size) for path in media)
    return [*(name for name, size in named if there.get(name) != size), MANIFEST]
