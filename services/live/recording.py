"""The recording: what came in, as it came in, a file for each run; in the end one file, handed in and packaged like any other."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.live.part import STEP, Pace, Part
from services.live.request import Request
from services.packager import disk, ffmpeg
from services.packager.encode import BEGIN
from services.packager.packaging import Packaging
from services.packager.store import Bucket

FORMATS: Final = ("-protocol_whitelist", "file,pipe", "-format_whitelist", "mpegts,concat")
SOUND_KBPS: Final = 192
"""Of the recording's sound, which is encoded once more: twice what any lesson has."""
AHEAD: Final = disk.MARGIN + 4 * STEP
"""Bytes that stay free beside what joining needs: what is written until the room is looked at again counts twice."""
BLOCK: Final = 1 << 20
WHOLE: Final = "recording.mkv"


def streams(file: Path) -> frozenset[str]:
    """Kinds of streams in MPEG-TS that is still being written: ``video`` once there is a picture with a size, ``audio``."""
    words = [
        "ffprobe",
        "-v",
        "error",
        *FORMATS[:3],
        "mpegts",
        "-f",
        "mpegts",
        "-show_streams",
        "-of",
        "json",
        "-i",
        str(file),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30, env=ffmpeg.ENVIRONMENT)
    rows = json.loads(done.stdout or "{}").get("streams", [])
    return frozenset(row["codec_type"] for row in rows if row.get("codec_type") != "video" or row.get("width"))


def sounds(file: Path) -> bool:
    """Whether there is any sound in MPEG-TS: a program may announce one and send none, which no encoder can make anything of."""
    words = ["ffprobe", "-v", "error", *FORMATS[:3], "mpegts", "-f", "mpegts", "-select_streams", "a:0",
             "-read_intervals", "%+#1", "-show_entries", "packet=size", "-of", "csv", "-i", str(file)]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=ffmpeg.ENVIRONMENT)
    return "packet" in done.stdout


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

    def _joined(self) -> Path | None:
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
        digest = _hash(whole)
        self.uploads.s3.upload_file(str(whole), self.uploads.name, digest)
        self.uploads.put(self.note, json.dumps({"content_hash": digest}).encode(), "no-store")
        for file in (*self.parts.iterdir(), whole):
            file.unlink()
        return digest

    def package(self, content_hash: str, lessons: Bucket) -> dict[str, Any]:
        """Make it a lesson under the class's id; a packaging that was cut short goes on."""
        return Packaging(self.request.recording(content_hash), self.uploads, lessons, self.folder).run()


def joined(folder: Path) -> Path | None:
    """One file of all parts that hold a picture, in order, without a byte of chance: joined again it is the same. None without any.

    A part may end in the middle of a packet, and begin with another camera: what is not whole is left out, and the sound is encoded anew,
    since a muxer gives up at half a packet of it where a decoder goes on.
    """
    found = [part for part in sorted((folder / "parts").glob("*.ts")) if "video" in streams(part)]
    if not found:
        return None
    listing, target = folder / "parts.txt", folder / WHOLE
    sound = ["-map", "0:a:0?"] if any(sounds(part) for part in found) else []
    listing.write_text("ffconcat version 1.0\n" + "".join(f"file 'parts/{part.name}'\n" for part in found))
    ffmpeg.run(
        [*BEGIN, "-fflags", "+genpts+bitexact+discardcorrupt", *FORMATS, "-f", "concat", "-safe", "0", "-i", str(listing),
         "-map", "0:v:0", *sound, "-c:v", "copy", "-c:a", "aac", "-b:a", f"{SOUND_KBPS}k",
         "-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1", "-f", "matroska", str(target)]
    )  # fmt: skip
    return target


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()
