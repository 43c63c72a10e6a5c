"""The recording: what came in, as it came in, a file for each run; in the end one file, handed in and packaged like any other."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.live.joining import FORMATS, SOUND_KBPS, WHOLE, Joined, joined
from services.live.part import STEP, Pace, Part
from services.live.request import Request
from services.packager import disk, ffmpeg
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
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, env=ffmpeg.ENVIRONMENT)
    rows = json.loads(done.stdout or "{}").get("streams", [])
    return frozenset(row["codec_type"] for row in rows if row.get("codec_type") != "video" or row.get("width"))


class Recording:
    """Below ``folder``: parts while class lasts, then ``recording.mkv``. What is handed in is noted beside the uploads."""

    def __init__(self, request: Request, uploads: Bucket, folder: Path) -> None:
        self.request, self.uploads, self.folder = request, uploads, folder
        self.parts = folder / "parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        self.note = f"live/{request.id}.json"
        self.pace = Pace(request.ingest_kbps)
        self._sound = int((request.until - datetime.fromisoformat(request.started)).total_seconds() * SOUND_KBPS * 125)

    @property
    def empty(self) -> bool:
        """Whether no part is here: none was recorded, or another pod had them."""
        return not any(self.parts.iterdir())

    def part(self, run: str) -> Part:
        """What comes in by this run."""
        return Part(self.parts / f"{run}.ts", self.room, self.pace, kept=self.request.recorded)

    def room(self) -> bool:
        """Whether more may be recorded: what is here must still be joined, which takes its size once more."""
        return disk.available(self.folder) > self._joining() + AHEAD

    def _joining(self) -> int:
        """Bytes of the joined file at most: the pictures are the parts' own, the sound is as much as class may last."""
        return sum(part.stat().st_size for part in self.parts.iterdir()) + self._sound

    def _joined(self) -> Joined | None:
        """One file of all parts, where there is room for it; half of one that an earlier process left is in the way."""
        (self.folder / WHOLE).unlink(missing_ok=True)
        if not self.empty:
            disk.require(self.folder, self._joining())
        return joined(self.folder)

    def hand_in(self) -> str | None:
        """The hash under which the whole recording is among the uploads; None when nothing was recorded."""
        noted = self.uploads.read_json(self.note)
        if noted:
            return str(noted["content_hash"])
        whole = self._joined()
        if whole is None:
            return None
        digest = _hash(whole.file)
        self.uploads.s3.upload_file(str(whole.file), self.uploads.name, digest)
        if not whole.whole:
            self._keep(whole)
        self.uploads.put(self.note, json.dumps({"content_hash": digest}).encode(), "no-store")
        for file in (*self.parts.iterdir(), whole.file):
            file.unlink()
        return digest

    def _keep(self, whole: Joined) -> None:
        """Hand the parts in as well, before they go: the disk ends with the class, and packaging needs its room."""
        for part in sorted(self.parts.iterdir()):
            key = KEPT.format(id=self.request.id, part=part.name)
            self.uploads.s3.upload_file(str(part), self.uploads.name, key)
        say(
            warning=f"the recording holds {whole.held} of the {whole.pictures} pictures that came in: what came in is kept whole as "
            f"{KEPT.format(id=self.request.id, part='')} in the bucket {self.uploads.name} until uploads expire"
        )

    def package(self, content_hash: str, lessons: Bucket) -> dict[str, Any]:
        """Make it a lesson under the class's id; a packaging that was cut short goes on."""
        return Packaging(self.request.recording(content_hash), self.uploads, lessons, self.folder).run()


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
