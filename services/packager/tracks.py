"""The units of work, and their receipts: a unit whose receipt and objects are in the store is not made again.

A unit is one chunk of all renditions, or the whole sound. Its receipt lists its segments with the ETags that the store gave; a later run
compares them with the store's own list, so that what was overwritten, lost or cut short is made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from . import fragments
from .playlists import AAC_LC, Segment
from .request import Request
from .store import IMMUTABLE, Bucket

SOUND = "sound"
UPLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Piece:
    """What one unit adds to one track."""

    track: str
    codec: str
    init: Segment
    segments: tuple[Segment, ...]


def receipt_key(request: Request, unit: str) -> str:
    """Key of a unit's receipt, in the bucket of uploads, where it expires by itself."""
    return f"work/{request.id}/{request.content_hash}/{request.recipe}/{unit}.json"


def folder(request: Request, track: str) -> str:
    """Key prefix of a track's files."""
    return f"{request.media}{request.recipe}/{track}"


def load(uploads: Bucket, request: Request, unit: str, stored: dict[str, tuple[int, str]]) -> tuple[Piece, ...] | None:
    """The pieces of a unit that an earlier run finished, or None; ``stored`` is key -> (bytes, ETag) of the lesson's media."""
    receipt = uploads.read_json(receipt_key(request, unit))
    if receipt is None:
        return None
    try:
        pieces = tuple(
            Piece(p["track"], p["codec"], Segment(**p["init"]), tuple(Segment(**s) for s in p["segments"]))
            for p in receipt["pieces"]
        )
    except (KeyError, TypeError):
        return None
    files = [(piece, file) for piece in pieces for file in (piece.init, *piece.segments)]
    whole = all(
        stored.get(f"{folder(request, piece.track)}/{file.name}") == (file.size, file.etag) for piece, file in files
    )
    return pieces if whole else None


def save(uploads: Bucket, request: Request, unit: str, pieces: Iterable[Piece]) -> None:
    """Write the unit's receipt; after its objects, never before."""
    uploads.put(receipt_key(request, unit), json.dumps({"pieces": [asdict(p) for p in pieces]}).encode(), "no-store")


def _upload(lessons: Bucket, at: str, name: str, data: bytes, seconds: float) -> Segment:
    return Segment(name, seconds, len(data), lessons.put(f"{at}/{name}", data, IMMUTABLE))


def _segments(parts: list[fragments.Fragment], rate: int, span: int) -> list[tuple[bytes, float]]:
    """Fragments joined into segments of ``span`` seconds (the last may be shorter); ``rate`` is ticks a second."""
    joined: list[tuple[bytes, float]] = []
    data, ticks = b"", 0
    for number, part in enumerate(parts):
        data, ticks = data + part.data, ticks + part.ticks
        if ticks >= span * rate or number == len(parts) - 1:
            joined.append((data, ticks / rate))
            data, ticks = b"", 0
    return joined


@dataclass(frozen=True)
class Made:
    """A file from the encoder: its track, where it is, ticks a second."""

    track: str
    file: Path
    rate: int


def store(lessons: Bucket, request: Request, made: Made, start: int) -> Piece | None:
    """Cut the file into segments, put them and return the piece; None when it holds nothing. ``start`` is its first second."""
    header, parts = fragments.split(made.file, start * made.rate, start + 1)
    made.file.unlink()
    if not parts:
        return None
    at, first = folder(request, made.track), start // request.segment_seconds
    segments = _segments(parts, made.rate, request.segment_seconds)
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        put = pool.map(lambda row: _upload(lessons, at, f"{first + row[0]:05d}.m4s", *row[1]), enumerate(segments))
        init = _upload(lessons, at, "init.mp4", header, 0)
        codec = AAC_LC if made.track == SOUND else fragments.avc_codec(header)
        return Piece(made.track, codec, init, tuple(put))
