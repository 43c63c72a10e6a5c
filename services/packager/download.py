"""The lesson as one file to take away: a rendition and the sound, copied out of the stored segments into a progressive MP4.

It lies below ``<id>/~download/``, apart from the media: no permission to play matches the tilde (``derive/video_token.py``). It is made
only where the lesson's licence allows taking away. Under a later one that does not the record names it no more, and the publisher deletes
it: the packager's account deletes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import disk, encode, ffmpeg
from .request import Request
from .store import IMMUTABLE, Bucket
from .tracks import SOUND, folder

FOLDER = "~download"


def prefix(lesson_id: str) -> str:
    """Key prefix of everything of a lesson that may be taken away."""
    return f"{lesson_id}/{FOLDER}/"


def rendition(request: Request, names: Sequence[str]) -> str:
    """Which of a lesson's renditions (``names``, smallest first) is handed out: the one asked for, else the largest below it."""
    ladder = [rung.name for rung in request.rungs]
    upto = ladder[: ladder.index(request.download) + 1] if request.download in ladder else ladder[:1]
    return next((name for name in reversed(names) if name in upto), names[0])


def make(lessons: Bucket, request: Request, record: Mapping[str, Any], work: Path) -> dict[str, Any]:
    """Make and store the file of the packaged lesson ``record``; its row for the record."""
    row = {each["name"]: each for each in record["renditions"]}
    name = rendition(request, list(row))
    parts = [_joined(lessons, folder(request, track), work / f"{track}.joined.mp4")
             for track in (name, *([SOUND] if record["sound"] else []))]  # fmt: skip
    target = work / "download.mp4"
    disk.require(work, sum(part.stat().st_size for part in parts))
    ffmpeg.run(encode.whole(parts, target))
    key = f"{prefix(request.id)}{request.content_hash[:12]}-{request.recipe}-{name}.mp4"
    lessons.send(key, target, IMMUTABLE)
    size = target.stat().st_size
    for file in (*parts, target):
        file.unlink()
    return {"path": key, "bytes": size, "width": row[name]["width"], "height": row[name]["height"]}


def _joined(lessons: Bucket, at: str, target: Path) -> Path:
    """The track below ``at`` as one fragmented MP4: its header, then its segments in order."""
    found = [(key, size) for key, size, _ in lessons.objects(f"{at}/")]
    segments = sorted(key for key, _ in found if key.endswith(".m4s"))
    needed = sum(size for _, size in found)
    disk.require(target.parent, needed)
    with disk.explained(target.parent, needed), target.open("wb") as file:
        for key in (f"{at}/init.mp4", *segments):
            part = lessons.get(key)
            if part is None:
                raise FileNotFoundError(key)
            file.write(part[0])
    return target
