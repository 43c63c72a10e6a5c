"""Lessons on a stick: looked through whole before any of it enters the cache, then put in; run again, it goes on where it stopped.

A stick is anybody's: only what the platform's key has signed counts, and every file must be the one that the signed list names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

from .cache import BLOCK, LESSON_PATH, Cache, Skipped
from .withdrawals import LESSON, Withdrawals, moment

SETTINGS = "/etc/huiju/keeper.json"
MANIFEST, MEDIA, FORMAT = "manifest.asc", "media", 1
HASH, HEADER = re.compile(r"[0-9a-f]{64}"), re.compile(r"[A-Za-z0-9 ,;=/.+_-]{1,200}")
_ROOM = 0.9
"""Share of the cache that a stick may fill: a fuller one would push its own first lessons out again."""
Row = dict[str, Any]


class Bad(Exception):  # noqa: N818  # the stick is
    """Why nothing was taken from this stick."""


def signed(folder: Path, key: Path) -> str:
    """The text of the list, as the platform signed it. Bad when it did not."""
    armour = re.search(r"\n\n([A-Za-z0-9+/=\n]+?)\n=[A-Za-z0-9+/]{4}\n-----END", key.read_text())
    if not armour:
        raise Bad(f"{key} holds no key: run the role again")
    with tempfile.TemporaryDirectory() as place:
        ring = Path(place) / "ring.gpg"
        ring.write_bytes(base64.b64decode(armour[1]))
        # What is read is what was verified, never the file itself.
        line = ["gpgv", "--keyring", str(ring), "--output", "-", str(folder / MANIFEST)]
        done = subprocess.run(line, capture_output=True, check=False)
    if done.returncode:
        raise Bad(
            f"{folder / MANIFEST} is missing or not signed by this city: {done.stderr.decode(errors='replace').strip()[-300:]}"
        )
    return done.stdout.decode()


def listed(text: str) -> Row:
    """The list, every word of it in its form. Bad otherwise."""
    try:
        found: Row = json.loads(text)
        moment(found["made"])
        rows = [row for lesson in found["lessons"] for row in lesson["files"]]
        well = found["format"] == FORMAT and all(LESSON.fullmatch(lesson["id"]) for lesson in found["lessons"])
        well = well and all(
            LESSON_PATH.fullmatch(row["path"]) and HASH.fullmatch(row["sha256"]) and int(row["bytes"]) >= 0
            and HEADER.fullmatch(row["type"]) and HEADER.fullmatch(row["cache"])
            for row in rows
        )  # fmt: skip
        well = well and all(
            row["path"].startswith(f"/lessons/{lesson['id']}/")
            for lesson in found["lessons"]
            for row in lesson["files"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Bad(f"the list is of a form that this box does not know: {type(error).__name__}: {error}") from error
    if not well:
        raise Bad("the list is of a form that this box does not know")
    return found


def blocks(folder: Path, row: Row) -> Iterator[bytes]:
    """The content of a file, its last block only once all of it is known to be the one that was signed. Bad instead of it otherwise."""
    digest, size, last = hashlib.sha256(), 0, b""
    with (folder / MEDIA / row["sha256"][:2] / row["sha256"]).open("rb") as file:
        while block := file.read(BLOCK):
            if last:
                yield last
            digest.update(block)
            size, last = size + len(block), block
    if digest.hexdigest() != row["sha256"] or size != row["bytes"]:
        raise Bad(f"the stick is damaged: {row['path']}")
    yield last


def check(folder: Path, rows: list[Row]) -> None:
    """Read every file once. Bad when one is missing or is another."""
    for number, row in enumerate(rows):
        try:
            for _ in blocks(folder, row):
                pass
        except OSError as error:
            raise Bad(f"the stick is damaged: {row['path']}: {error.strerror}") from error
        _progress("looking through", number + 1, len(rows))


def put(cache: Cache, folder: Path, row: Row) -> bool:
    """Put one file into the cache, unless it is there; whether it was put. Bad when it changed since it was looked through."""
    if cache.held(row["path"]) == row["bytes"]:
        return False
    fields = {
        "Date": formatdate(usegmt=True),
        "Content-Type": row["type"],
        "Cache-Control": row["cache"],
        "Content-Length": row["bytes"],
    }
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    try:
        cache.fill(row["path"], head.encode(), blocks(folder, row), row["bytes"])
    except BaseException:
        # Cut off, the cache keeps nothing of it; asked to be sure.
        Cache(cache.address).purge([row["path"]])
        raise
    return True


def apply(folder: Path, settings: Row) -> None:
    """Look through the stick, then fill the cache. Bad or OSError says why not; run again it goes on."""
    found = listed(signed(folder, Path(settings["key"])))
    known, cache = Withdrawals(Path(settings["state"])), Cache(settings["cache"])
    known.hear(found.get("withdrawn"))
    _, wrong = known.purge(cache)
    if isinstance(wrong, Skipped):
        print(f"huiju-parcel: {wrong}", file=sys.stderr)
    elif wrong:
        raise wrong
    made = moment(found["made"])
    taken = [lesson for lesson in found["lessons"] if not known.keeps_out(lesson["id"], made)]
    for lesson in found["lessons"]:
        if lesson not in taken:
            print(f"{lesson['id']} was withdrawn after this parcel was made: it stays out")
    rows = [row for lesson in taken for row in lesson["files"]]
    check(folder, rows)
    size, room = sum(row["bytes"] for row in rows), int(settings["mib"]) << 20
    if size > room * _ROOM:
        raise Bad(f"the parcel has {size >> 20} MiB of lessons, the box's cache {room >> 20} MiB: it must be smaller")
    new = 0
    for number, row in enumerate(rows):
        new += put(cache, folder, row)
        _progress("filling", number + 1, len(rows))
    print(f"{len(taken)} lessons, {size >> 20} MiB: {new} files put in, {len(rows) - new} were there")


_shown = [0.0]


def _progress(what: str, done: int, total: int) -> None:
    if done == total or time.monotonic() - _shown[0] > 1:
        _shown[0] = time.monotonic()
        print(f"{what}: {done} of {total} files", flush=True)


def main(words: list[str]) -> int:
    """Apply the parcel in the folder of the first word."""
    settings = json.loads(Path(words[1] if len(words) > 1 else SETTINGS).read_text())
    try:
        apply(Path(words[0]), settings)
    except (Bad, OSError, ValueError) as error:
        print(f"huiju-parcel: {error}", file=sys.stderr)
        return 1
    return 0
