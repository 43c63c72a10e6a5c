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
FREE = "df --output=avail -B1 . | tail -n 1"
"""Says how many bytes are free where it is run."""
_FULL = 1 << 20
"""Bytes free below which a file system that took no more is a full one."""
_BLOCK = 4096
"""Bytes that a file is rounded up to on the box, ext4's."""
Reach = Callable[[str], list[str]]
"""What a shell on the box is to run -> the line that has it run."""


def apply(folder: Path, reach: Reach, stage: str = STAGE) -> None:
    """Send what the box has not got yet, then have it apply the parcel; cut off, it goes on. UserError when it does not take it."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} holds no parcel of lessons: `huiju parcel make` with --lessons makes them")
    listed, (there, free) = _listed(folder), _there(reach, stage)
    missing = _missing(listed, there)
    _check_room(
        sum(-(-listed[name] // _BLOCK) * _BLOCK - there.get(name, 0) for name in missing if name in listed), free, stage
    )
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as names:
        names.write("\n".join(missing))
        names.flush()
        packing = subprocess.Popen(("tar", "-C", str(folder), "-T", names.name, "-c"), stdout=subprocess.PIPE)
        taken = f"{{ huiju-parcel apply {stage} || {{ {WEED}; false; }}; }}"
        # A full disk is the box's trouble from then on: its cache writes there too. A link that was cut leaves what has come.
        put = f"{{ tar -x --no-same-owner || {{ [ $({FREE}) -gt {_FULL} ] || rm -r {stage}; false; }}; }}"
        line = reach(f"cd {stage} && {put} && {taken} && rm -r {stage}")
        done = subprocess.run(line, stdin=packing.stdout, check=False)
        packing.kill()
        packing.wait()
    if done.returncode:
        raise UserError("the box did not take it, it says why above; that mended, the same command goes on")


def _there(reach: Reach, stage: str) -> tuple[dict[str, int], int]:
    """Files of a parcel that lie on the box already, and their bytes; and the bytes that are free there."""
    line = reach(f"mkdir -p {stage} && cd {stage} && {FREE} && find . -type f -printf '%P %s\\n'")
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(f"the box is not reached: {done.stderr.strip()}")
    free, *found = done.stdout.splitlines()
    rows = (row.rpartition(" ") for row in found)
    return {name: int(size) for name, _, size in rows}, int(free)


def _check_room(needed: int, free: int, stage: str) -> None:
    """UserError where the box has less room than that."""
    if needed > free:
        raise UserError(
            f"{needed >> 20:,} MiB of the parcel are not on the box yet, and it has {free >> 20:,} MiB free: make a smaller parcel, "
            f"or two, or free room on the box, where {stage} holds what earlier tries left"
        )


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
