"""Bring a parcel of lessons to a box that can be reached, over the technician's way in, and have the box take it in."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from catalog.errors import UserError
from derive.lesson_parcel import HASH, MANIFEST, MEDIA

STAGE = "/var/lib/huiju-stick"
"""Where a parcel lies on the box until it is taken in."""
WEED = (
    f"""find {MEDIA} -type f -exec sh -c 'for each; do found=$(sha256sum < "$each"); """
    """[ "${found%% *}" = "${each##*/}" ] || { echo "$each is damaged: away with it" >&2; rm "$each"; }; done' sh {} +"""
)
"""Takes every file out of the stage that is not what it is called. By its size such a one is there, and would never be sent again; what is
on a stick nobody takes away, so this is no business of `huiju-parcel`, and boxes whose role is older have it too."""
Reach = Callable[[str], list[str]]
"""What a shell on the box is to run -> the line that has it run."""


def apply(folder: Path, reach: Reach, stage: str = STAGE) -> None:
    """Send what the box has not got yet, then have it apply the parcel; cut off, it goes on. UserError when it does not take it."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} holds no parcel of lessons: `huiju parcel make` with --lessons makes them")
    missing = _missing(_listed(folder), _there(reach, stage))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as names:
        names.write("\n".join(missing))
        names.flush()
        packing = subprocess.Popen(("tar", "-C", str(folder), "-T", names.name, "-c"), stdout=subprocess.PIPE)
        taken = f"{{ huiju-parcel apply {stage} || {{ {WEED}; false; }}; }}"
        line = reach(f"cd {stage} && tar -x --no-same-owner && {taken} && rm -r {stage}")
        done = subprocess.run(line, stdin=packing.stdout, check=False)
        packing.kill()
        packing.wait()
    if done.returncode:
        raise UserError("the box did not take it, it says why above; that mended, the same command goes on")


def _there(reach: Reach, stage: str) -> dict[str, int]:
    """Files of a parcel that lie on the box already, and their bytes."""
    line = reach(f"mkdir -p {stage} && cd {stage} && find . -type f -printf '%P %s\\n'")
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(f"the box is not reached: {done.stderr.strip()}")
    rows = (row.rpartition(" ") for row in done.stdout.splitlines())
    return {name: int(size) for name, _, size in rows}


def _listed(folder: Path) -> dict[str, int]:
    """Files that the list names, and their bytes: an earlier parcel may have left others. UserError where it is none.

    Who signed it, the box sees to.
    """
    try:
        # No line of it begins with a dash, so none is escaped.
        text = (folder / MANIFEST).read_text(encoding="utf-8").partition("\n\n")[2].partition("\n-----BEGIN PGP SIG")[0]
        rows = [row for each in json.loads(text)["lessons"] for row in each["files"]]
        found = {str(row["sha256"]): int(row["bytes"]) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / MANIFEST} is damaged: run the same `huiju parcel make` again") from error
    return {f"{MEDIA}/{name[:2]}/{name}": size for name, size in sorted(found.items()) if HASH.fullmatch(name)}


def _missing(listed: dict[str, int], there: dict[str, int]) -> list[str]:
    """Files to send; the list always, and last."""
    return [*(name for name, size in listed.items() if there.get(name) != size), MANIFEST]
