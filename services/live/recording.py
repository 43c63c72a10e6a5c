"""The recording: what came in, as it came in, a file for each run; in the end one file, handed in and packaged like any other.

What is on this disk no more, or never had room, is made up for by what was streamed live and lies in the bucket.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.live.covering import Plan, plan
from services.live.joining import FORMATS, SOUND_KBPS, WHOLE, contents, joined
from services.live.part import STEP, Pace, Part
from services.live.request import Request
from services.live.streamed import Streamed
from services.packager import disk, ffmpeg, packaging
from services.packager.packaging import Packaging
from services.packager.progress import say
from services.packager.store import Bucket

AHEAD: Final = disk.MARGIN + 4 * STEP
"""Bytes that stay free beside what joining needs: what is written until the room is looked at again counts twice."""
BLOCK: Final = 1 << 20
KEPT: Final = "live/{id}/parts/{part}"
"""Where a part is in the bucket of uploads of which much is not in the recording; it expires there as uploads do."""


def streams(file: Path) -> frozenset[str]:
    """Kinds of streams in MPEG-TS that is still being written: ``video`` once there is a picture with a size, ``audio``."""
    words = [
        "ffprobe",
        "-v",
        "error",
        *FORMATS,
        "-show_streams",
        "-of",
        "json",
        "-i",
        str(file),
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, env=ffmpeg.ENVIRONMENT)
    except subprocess.TimeoutExpired:
        return frozenset()  # on a machine that has no time to spare; whoever asks, asks again
    rows = json.loads(done.stdout or "{}").get("streams", [])
    return frozenset(row["codec_type"] for row in rows if row.get("codec_type") != "video" or row.get("width"))


@dataclass(frozen=True)
class Joined:
    """The joined file, what it was to be made of, and how many pictures are in it."""

    file: Path
    plan: Plan
    pictures: int

    @property
    def whole(self) -> bool:
        """Whether the parts are needed no longer."""
        return self.pictures >= packaging.WHOLE * self.plan.pictures


class Recording:
    """Below ``folder``: parts while class lasts, then ``recording.mkv``. What is handed in is noted beside the uploads.

    ``lessons`` is the bucket with what is streamed live.
    """

    def __init__(self, request: Request, uploads: Bucket, lessons: Bucket, folder: Path) -> None:
        self.request, self.uploads, self.folder = request, uploads, folder
        self.streamed = Streamed(lessons, request)
        self.parts = folder / "parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        self.note = f"live/{request.id}.json"
        self.pace = Pace(request.ingest_kbps)
        self._longest = (request.until - datetime.fromisoformat(request.started)).total_seconds()
        self._sound = int(self._longest * SOUND_KBPS * 125)

    @property
    def empty(self) -> bool:
        """Whether no part is here: none was recorded, or another pod had them."""
        return not any(self.parts.iterdir())

    def part(self, run: str) -> Part:
        """What comes in by this run."""
        return Part(self.parts / f"{run}.ts", self.room, self.pace, kept=self.request.recorded)

    def room(self) -> bool:
        """Whether more may be recorded: what is here must still be joined, which takes its size once more, with the rest of class."""
        return disk.available(self.folder) > self._joining() + AHEAD

    def _joining(self) -> int:
        """Bytes of the joined file at most: the pictures are the parts' own, or as they are streamed where there is no part of that time
        (yet); the sound is as much as class may last."""
        parts = [(part, part.stat()) for part in self.parts.iterdir()]
        # A part is named after its first moment (broadcast.py) and was last written in its last one.
        here = sum(max(0.0, stat.st_mtime - int(part.stem[1:]) / 1000) for part, stat in parts)
        streamed = int(max(0.0, self._longest - here) * self.request.rungs[-1].kbps * 125)
        return sum(stat.st_size for _, stat in parts) + streamed + self._sound

    def _joined(self) -> Joined | None:
        """One file of the whole class, where there is room for it; half of one that an earlier process left is in the way."""
        (self.folder / WHOLE).unlink(missing_ok=True)
        largest = self.request.rungs[-1]
        wanted = plan(contents(self.folder), self.streamed.runs(), largest.width / largest.height)
        needed = sum(part.file.stat().st_size for part in wanted.parts) + self._sound
        if wanted.parts:
            disk.require(self.folder, needed)
        held = wanted.fitting(disk.available(self.folder) - disk.MARGIN - needed)
        if not held.pieces:
            return None
        file, pictures = joined(self.folder, held.pieces, self.streamed.opened)
        return Joined(file, held, pictures)

    def hand_in(self) -> dict[str, Any] | None:
        """The note of the recording that is among the uploads: its ``content_hash`` and :meth:`_said`; None when nothing was recorded."""
        noted = self.uploads.read_json(self.note)
        if noted:
            return noted
        whole = self._joined()
        if whole is None:
            return None
        note = {"content_hash": _hash(whole.file), **self._said(whole.plan)}
        self.uploads.s3.upload_file(str(whole.file), self.uploads.name, note["content_hash"])
        if not whole.whole:
            self._keep(whole)
        self.uploads.put(self.note, json.dumps(note).encode(), "no-store")
        for file in (*self.parts.iterdir(), whole.file):
            file.unlink()
        return note

    def _said(self, made: Plan) -> dict[str, Any]:
        """How much of class the recording has, and how much of that as it was streamed: in words to the log, and in seconds for the record;
        nothing where it is all there as it came in."""
        held, came, live = (f"{seconds / 60:.1f}" for seconds in (made.held, made.came, made.streamed))
        if made.streamed:
            largest = self.request.rungs[-1]
            say(
                warning=f"the recording has {live} of the {came} minutes of class as they were streamed live, "
                f"{largest.width}x{largest.height}: as they came in, this pod does not have them, or they do not fit to the rest"
            )
        if held != came:
            say(
                warning=f"the recording holds {held} of the {came} minutes of class: the rest is neither on the disk of this pod "
                "nor among what was streamed live, or there is no room for it"
            )
        elif not made.streamed:
            return {}
        figures = {"held_seconds": made.held, "came_seconds": made.came, "streamed_seconds": made.streamed}
        return {"recording": {name: round(seconds, 1) for name, seconds in figures.items()}}

    def _keep(self, whole: Joined) -> None:
        """Hand the parts in as well, before they go: the disk ends with the class, and packaging needs its room."""
        parts = sorted(self.parts.iterdir())
        for part in parts:
            key = KEPT.format(id=self.request.id, part=part.name)
            self.uploads.s3.upload_file(str(part), self.uploads.name, key)
        where = f"{KEPT.format(id=self.request.id, part='')} in the bucket {self.uploads.name} until uploads expire"
        kept = f": what came in is kept as {where}, as far as this pod has it" if parts else ""
        say(warning=f"the recording holds {whole.pictures} of the {whole.plan.pictures} pictures that came in{kept}")

    def package(self, note: dict[str, Any], lessons: Bucket) -> dict[str, Any]:
        """Make it a lesson under the class's id; a packaging that was cut short goes on."""
        asked = self.request.recording(str(note["content_hash"]), note.get("recording"))
        return Packaging(asked, self.uploads, lessons, self.folder).run()


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
