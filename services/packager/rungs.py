"""Which rungs of the ladder a source gets, and how large each one is drawn. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .request import Rung

LEVELS = (
    (30, 1_620, 40_500), (31, 3_600, 108_000), (32, 5_120, 216_000), (40, 8_192, 245_760), (42, 8_704, 522_240), (51, 36_864, 983_040),
)  # fmt: skip
"""H.264 levels: number x 10, largest frame and largest rate in macroblocks (ITU-T H.264, table A-1)."""


@dataclass(frozen=True)
class Picture:
    """A rung as it is drawn for one source: even pixels, H.264 level x 10."""

    rung: Rung
    width: int
    height: int
    level: int


def _even(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)


def fit(rung: Rung, width: int, height: int) -> tuple[int, int]:
    """The largest even size in the rung's box with the source's shape; a portrait source gets the box turned."""
    return within((rung.width, rung.height), width, height)


def within(box: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The largest even size in ``box`` (pixels) with this shape; for a portrait one the box is turned."""
    wide, high = box if width >= height else box[::-1]
    scale = min(Fraction(wide, width), Fraction(high, height))
    return _even(width * scale), _even(height * scale)


def level(width: int, height: int, fps: int) -> int:
    """The lowest H.264 level (x 10) that holds this picture."""
    blocks = -(-width // 16) * -(-height // 16)
    return next((number for number, frame, rate in LEVELS if blocks <= frame and blocks * fps <= rate), LEVELS[-1][0])


def pictures(rungs: tuple[Rung, ...], width: int, height: int, fps: int) -> tuple[Picture, ...]:
    """The rungs for a source of this size, smallest first: never larger than the source, but always at least the smallest."""
    drawn = [(rung, *fit(rung, width, height)) for rung in rungs]
    kept = [row for row in drawn if row[1] <= width + 1 and row[2] <= height + 1] or drawn[:1]
    return tuple(Picture(rung, w, h, level(w, h, fps)) for rung, w, h in kept)
