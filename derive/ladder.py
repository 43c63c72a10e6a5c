"""The ladder as the packager is told it: renditions, timing and the encoder's settings. Pure.

The packager stands alone and knows the source; here stands what the city wants. Which rungs a source gets, and at which exact size, is the
packager's part (``services/packager/rungs.py``).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from catalog import City
from catalog.access import Use

RECIPE = 3
"""Raise it when the packager's output changes for the same ladder: lessons are then packaged anew under new names."""

PRESET = "veryfast"
"""x264's preset. Measured (docs/decisions/0071): nearly all of ``medium``'s quality at the same size for half of its time."""

CRF = 23
"""x264's own default quality, for the first rung of a picture size; the rung's rate is the cap."""

CRF_STEP = 3
"""A further rung of the same size is this much finer: under the same quality both would come out equal where the cap does not bind."""

CHUNK_SECONDS = 60
"""What a killed packaging repeats at most, and what must fit on the disk at once; a multiple of every segment length from 1 to 6 s."""


def rungs(city: City) -> list[dict[str, Any]]:
    """The renditions, smallest first, with the quality aimed at."""
    sizes: dict[tuple[int, int], int] = {}
    rows = []
    for rung in sorted(city.ladder, key=lambda r: (r.height, r.video_kbps)):
        finer = sizes.setdefault((rung.width, rung.height), 0)
        sizes[rung.width, rung.height] += 1
        quality = max(1, CRF - CRF_STEP * finer)
        rows.append(
            {"name": rung.id, "width": rung.width, "height": rung.height, "kbps": rung.video_kbps, "crf": quality}
        )
    return rows


def ladder(city: City) -> dict[str, Any]:
    """Everything that decides how a lesson of this city is encoded, as JSON for the packager."""
    packaging = city.packaging
    chunk = CHUNK_SECONDS - CHUNK_SECONDS % packaging.segment_seconds
    return {
        "rungs": rungs(city),
        "segment_seconds": packaging.segment_seconds,
        "keyframe_seconds": packaging.keyframe_seconds,
        "chunk_seconds": chunk,
        "audio_kbps": packaging.audio_kbps,
        "fps_limit": packaging.frames_per_second,
        "preset": PRESET,
        "thumbnail_seconds": packaging.thumbnail_seconds,
    }


def download(city: City, licence: str) -> str | None:
    """The rendition of which a lesson under this licence may be taken away as one file; None: nothing may be."""
    terms = next((row for row in city.licences if row.id == licence), None)
    return city.packaging.download if terms and Use.DOWNLOAD in terms.uses else None


def recipe(city: City) -> str:
    """Twelve hex digits that change when the ladder or the way of packaging changes; part of every media path."""
    text = json.dumps({"recipe": RECIPE, **ladder(city)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def working_bytes(city: City, upload: int) -> int:
    """Room that packaging an upload of so many bytes takes at most.

    The upload twice (a container without an index is rewritten), one chunk of every rendition with what the cap's buffer allows,
    the sound of three hours, and a margin. When the pictures are done, three hours of the rendition that is handed out lie there twice.
    """
    chunk = sum(rung.video_kbps for rung in city.ladder) * 125 * 1.3 * (CHUNK_SECONDS + 1)
    sound = city.packaging.audio_kbps * 125 * 1.2 * 3 * 3600
    handed = next(rung.video_kbps for rung in city.ladder if rung.id == city.packaging.download) * 125 * 1.1 * 3 * 3600
    return 2 * upload + int(max(chunk + sound, 2 * (handed + sound))) + (64 << 20)
