"""Lessons that nobody filmed: every file's bytes follow from its path, in sizes of the catalog's ladder: each can be checked."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from catalog import City
from catalog.media import Rendition
from derive import ladder
from derive.lesson import public_path
from services.live.window import Item, Window

KBIT = 125
"""Bytes."""
PLAYLIST = ".m3u8"
HEADER = "init.mp4"
"""What a live playlist calls it; nobody here decodes anything."""


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


@dataclass(frozen=True)
class LiveClass(Lesson):
    """A class that is on the air from a moment on, in milliseconds since 1970, for so many segments."""

    began: int

    @property
    def seconds(self) -> int:
        """Length of a segment."""
        return self.city.live.segment_seconds

    def path(self, rung: Rendition, number: int) -> str:
        """Where the segment is served as soon as it has been filmed."""
        return f"{self._folder(rung)}/{_segment(self.began, number, self.seconds, self.size(rung))}"

    def playlist(self, rung: Rendition) -> str:
        """Where players learn what there is. All that the origin needs to write it is in its name."""
        numbers = (self.began, self.segments, self.seconds, self.city.live.window_segments, self.size(rung))
        return f"{self._folder(rung)}/{'-'.join(map(str, numbers))}{PLAYLIST}"

    def _folder(self, rung: Rendition) -> str:
        return public_path(f"{self.id}/live/{rung.id}")


def _segment(began: int, number: int, seconds: int, size: int) -> str:
    """A live segment's name: when there is one, which it is, and how long."""
    return f"{began + (number + 1) * seconds * 1000}-{number:05}-{size}.m4s"


def playlist(path: str, now: float) -> str | None:
    """The live playlist at ``path`` at a moment, in seconds since 1970, as the live service writes it; None where there is none."""
    if not path.endswith(PLAYLIST):
        return None
    began, segments, seconds, window, size = map(int, path.rpartition("/")[2].removesuffix(PLAYLIST).split("-"))
    filmed = min(segments, int((now * 1000 - began) // (seconds * 1000)))
    found = Window(window, seconds, ended=filmed == segments)
    for number in range(filmed):
        at = datetime.fromtimestamp(began / 1000 + number * seconds, UTC)
        found.add(Item(_segment(began, number, seconds, size), seconds, HEADER, at, breaks=False))
    return found.text() if found.items else None


def too_early(path: str, now: float) -> bool:
    """Whether this is a live segment that has not been filmed yet."""
    ready, *others = path.rpartition("/")[2].split("-")
    return len(others) == 2 and ready.isdecimal() and now * 1000 < int(ready)  # noqa: PLR2004  # see `_segment`


def size_of(path: str) -> int | None:
    """Bytes of the file at ``path``, or None where there is none."""
    name, dot, _ = path.rpartition("/")[2].partition(".")
    _, dash, size = name.rpartition("-")
    return int(size) if dot and dash and size.isdecimal() else None
