"""Small pictures for the player's time line: a sheet for each chunk, and the WebVTT track that says where on which sheet each one is.

The pictures come from the smallest rendition, which is decoded in a second or two and shows exactly the frames that viewers see.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from .request import Request
from .rungs import Picture, within

BOX = (160, 90)
"""Pixels that a picture fits in: a thumb's width on a phone; a minute of them is about 25 kB."""

COLUMNS = 4
NAME = "thumbnails"


@dataclass(frozen=True)
class Sheet:
    """How a sheet is drawn: seconds from one picture to the next, their size in pixels, how many in a row and how many rows."""

    seconds: int
    width: int
    height: int
    columns: int
    rows: int


def sheet(request: Request, picture: Picture) -> Sheet | None:
    """The sheet of one chunk, drawn from the rendition ``picture``; None when none are asked for."""
    if request.thumbnail_seconds is None:
        return None
    count = math.ceil(request.chunk_seconds / request.thumbnail_seconds)
    columns = min(COLUMNS, count)
    width, height = within(BOX, picture.width, picture.height)
    return Sheet(request.thumbnail_seconds, width, height, columns, math.ceil(count / columns))


def folder(request: Request) -> str:
    """Key prefix of the sheets and their track."""
    return f"{request.media}{request.recipe}/{NAME}/"


def sheet_key(request: Request, start: int) -> str:
    """Key of the sheet of the chunk that begins at second ``start``."""
    return f"{folder(request)}{start:06d}.jpg"


def track_key(request: Request) -> str:
    """Key of the WebVTT track."""
    return f"{folder(request)}{NAME}.vtt"


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"


def track(drawn: Sheet, starts: Iterable[int], span: int, seconds: float) -> str:
    """The WebVTT track of a film of ``seconds``: one cue for each picture of the sheets that begin at ``starts`` and last ``span`` s."""
    cues = []
    for start in starts:
        end = min(start + span, seconds)
        for number in range(math.ceil(max(0.0, end - start) / drawn.seconds)):
            begin = start + number * drawn.seconds
            x, y = number % drawn.columns * drawn.width, number // drawn.columns * drawn.height
            where = f"{start:06d}.jpg#xywh={x},{y},{drawn.width},{drawn.height}"
            cues.append(f"{_clock(begin)} --> {_clock(min(begin + drawn.seconds, end))}\n{where}\n")
    return "\n".join(["WEBVTT\n", *cues])
