"""A live playlist: the last segments of one track, as HLS (RFC 8216) has them. Text out, and the same text in again after a crash. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from services.packager.errors import PackagingError

SEQUENCE, BREAKS, TARGET = "#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-DISCONTINUITY-SEQUENCE:", "#EXT-X-TARGETDURATION:"
MAP, DATE, LENGTH = "#EXT-X-MAP:URI=", "#EXT-X-PROGRAM-DATE-TIME:", "#EXTINF:"
BREAK, END = "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST"
LIFETIME: Final = "public, max-age=1"
"""Of a live playlist in caches: each asks once a second, however many players ask it."""


@dataclass(frozen=True)
class Item:
    """A segment in its place: name, seconds, the header it needs, when it was taken in, and whether it begins a new run."""

    name: str
    seconds: float
    header: str
    at: datetime
    breaks: bool


@dataclass
class Window:
    """What players are told: the last ``size`` segments, how many there were before, and whether there will be more."""

    size: int
    target: int
    sequence: int = 0
    breaks: int = 0
    """How many runs began with a segment that is listed no more."""
    ended: bool = False
    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """A segment more; the oldest goes where there are too many."""
        self.items.append(item)
        while len(self.items) > self.size:
            self.sequence += 1
            self.breaks += self.items.pop(0).breaks

    def text(self) -> str:
        """The playlist."""
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"{TARGET}{self.target}", f"{SEQUENCE}{self.sequence}"]
        lines += [f"{BREAKS}{self.breaks}", "#EXT-X-INDEPENDENT-SEGMENTS"]
        header = ""
        for item in self.items:
            lines += [BREAK] if item.breaks else []
            lines += [f'{MAP}"{item.header}"'] if item.header != header else []
            lines += [f"{DATE}{stamp(item.at)}", f"{LENGTH}{item.seconds:.5f},", item.name]
            header = item.header
        return "\n".join([*lines, *([END] if self.ended else []), ""])


def stamp(moment: datetime) -> str:
    """A moment to the millisecond, as players compare it with their own clock."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str, size: int, target: int) -> Window:
    """The window that :meth:`Window.text` wrote; PackagingError for anything else."""
    found = Window(size, target)
    header, breaks, at, seconds = "", False, datetime.now(UTC), 0.0
    try:
        for line in text.splitlines():
            if line.startswith(SEQUENCE):
                found.sequence = int(line.removeprefix(SEQUENCE))
            elif line.startswith(BREAKS):
                found.breaks = int(line.removeprefix(BREAKS))
            elif line == BREAK:
                breaks = True
            elif line.startswith(MAP):
                header = re.findall('"(.+)"', line)[0]
            elif line.startswith(DATE):
                at = datetime.fromisoformat(line.removeprefix(DATE))
            elif line.startswith(LENGTH):
                seconds = float(line.removeprefix(LENGTH).rstrip(","))
            elif line == END:
                found.ended = True
            elif line and not line.startswith("#"):
                found.items.append(Item(line, seconds, header, at, breaks))
                breaks = False
    except (ValueError, IndexError) as error:
        raise PackagingError(f"a playlist of this class cannot be read: {error}") from error
    return found
