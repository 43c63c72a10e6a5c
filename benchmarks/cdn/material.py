"""Lessons that nobody filmed: every file's bytes follow from its path, in sizes of the catalog's ladder: each can be checked."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from catalog import City
from catalog.media import Rendition
from derive import ladder
from derive.lesson import public_path

KBIT = 125
"""Bytes."""


@lru_cache(maxsize=16)
def body(path: str, size: int) -> bytes:
    """The ``size`` bytes of the file at ``path``: as good as random, always the same."""
    return hashlib.shake_256(path.encode()).digest(size)


def digest(data: bytes) -> str:
    """By which two bodies are compared."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Lesson:
    """A lesson of so many segments in the city's ladder; ``name`` makes its id."""

    city: City
    name: str
    segments: int

    @property
    def id(self) -> str:
        """As every lesson's: `l-` and 16 characters."""
        name = hashlib.sha256(self.name.encode()).digest()[:10]
        return "l-" + base64.b32encode(name).decode().lower()

    @property
    def seconds(self) -> int:
        """Length of a segment."""
        return self.city.packaging.segment_seconds

    def rung(self, height: int) -> Rendition:
        """The smallest rendition of at least this height, or the best."""
        fit = [each for each in self.city.ladder if each.height >= height]
        return min(fit or self.city.ladder, key=lambda each: (each.height, each.video_kbps))

    def size(self, rung: Rendition) -> int:
        """Bytes of a segment with its sound, at the rendition's rate."""
        return (rung.video_kbps + self.city.packaging.audio_kbps) * KBIT * self.seconds

    def path(self, rung: Rendition, number: int) -> str:
        """Where the segment is served. The size is in its name, so that the origin need not be told what a lesson is."""
        folder = f"{self.id}/{digest(self.name.encode())}/{ladder.recipe(self.city)}"
        return public_path(f"{folder}/{rung.id}/{number:05}-{self.size(rung)}.m4s")

    def paths(self, rung: Rendition) -> tuple[str, ...]:
        """All of one rendition, in the order of play."""
        return tuple(self.path(rung, number) for number in range(self.segments))


def size_of(path: str) -> int | None:
    """Bytes of the file at ``path``, or None where there is none."""
    name, dot, _ = path.rpartition("/")[2].partition(".")
    _, dash, size = name.rpartition("-")
    return int(size) if dot and dash and size.isdecimal() else None
