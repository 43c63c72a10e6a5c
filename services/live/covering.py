"""What the recording is made of: parts as they came in, and for all that is on no disk any more what was streamed live of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.live.joining import TAIL, Content
from services.live.streamed import Run, Stretch

CODEC: Final = "h264"
"""Of what is streamed (``encode.py``)."""
ALIKE: Final = 0.02
"""By which shapes (width to height) may differ: 416 x 234 and 854 x 480 are both 16:9."""
Piece = Content | Stretch


@dataclass(frozen=True)
class Plan:
    """The pieces in order. ``came`` is the seconds that came in, ``left`` the pictures that no piece stands for."""

    pieces: tuple[Piece, ...]
    came: float = 0.0
    left: int = 0

    @property
    def pictures(self) -> int:
        """How many came in."""
        return self.left + sum(each.pictures for each in self.pieces)

    @property
    def held(self) -> float:
        """Seconds of the pieces."""
        return sum(lasts(each) for each in self.pieces)

    @property
    def streamed(self) -> float:
        """Seconds of those that were streamed live."""
        return sum(each.seconds for each in self.pieces if isinstance(each, Stretch))

    @property
    def parts(self) -> tuple[Content, ...]:
        """Those that are on the disk."""
        return tuple(each for each in self.pieces if isinstance(each, Content))

    def fitting(self, room: int) -> Plan:
        """Without the stretches that do not fit into so many bytes beside the parts."""
        pieces, left = list[Piece](), self.left
        for each in self.pieces:
            size = each.size if isinstance(each, Stretch) else 0
            if size <= room or not size:
                pieces.append(each)
                room -= size
            else:
                left += each.pictures
        return Plan(tuple(pieces), self.came, left)


def lasts(piece: Piece) -> float:
    """Seconds of class in a piece."""
    return piece.seconds - TAIL if isinstance(piece, Content) else piece.seconds


def plan(parts: Sequence[Content], runs: Sequence[Run], shape: float) -> Plan:
    """For every run its part, and what the part lacks out of what was streamed; ``shape`` is that of streamed pictures.

    One track is of one kind of picture, and the packager draws all of it in one shape. So where something streamed is in it, a part of
    another kind or shape makes room for what was streamed of the same run.
    """
    mine = {part.file.stem: part for part in parts}
    theirs = {run.name: run for run in runs}
    streams = any(run.stretches() for run in runs)
    mixed = len({part.codec for part in parts}) > 1 or any(not _covers(mine.get(run.name), run) for run in runs)
    codec = _codec(parts, streamed=mixed and streams)
    found = Plan(())
    # Runs are named after their moment.
    for name in sorted({*mine, *theirs}, key=lambda name: (len(name), name)):
        part, run = mine.get(name), theirs.get(name)
        pieces: list[Piece] = [*run.stretches()] if run else []
        came = max(lasts(part) if part else 0.0, run.seconds if run else 0.0)
        left = 0
        if part and part.codec == codec and (not mixed or not pieces or abs(part.shape - shape) < ALIKE):
            pieces = _completed(part, run)
        elif part and not pieces:
            left = part.pictures
        found = Plan((*found.pieces, *pieces), found.came + came, found.left + left)
    return found


def _codec(parts: Sequence[Content], *, streamed: bool) -> str:
    """Of all pieces: what is streamed has no other, else that of the longest part."""
    return CODEC if streamed or not parts else max(parts, key=lambda part: part.pictures).codec


def _covers(part: Content | None, run: Run) -> bool:
    """Whether a part has all that was streamed of its run, give or take what an encoder adds at the ends."""
    return part is not None and lasts(part) + 2 * run.span >= run.seconds


def _completed(part: Content, run: Run | None) -> list[Piece]:
    """A part and, where its disk was full before its run ended, the rest as it was streamed, from the next segment on."""
    if run is None or _covers(part, run):
        return [part]
    whole = int(lasts(part) // run.span)
    rest = run.stretches(after=whole)
    if not rest or rest[0].first != whole + 1:
        return [part, *rest]
    cut = replace(part, seconds=whole * run.span, pictures=int(part.pictures * whole * run.span / part.seconds))
    return [*([cut] if whole else []), *rest]
