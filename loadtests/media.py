"""What a player reads: playlists (with the library m3u8), and whether a segment of fragmented MP4 is whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urljoin

import m3u8

HEADER = 8
"""Bytes of an MP4 box's size and name."""
LARGE, TO_THE_END = 1, 0
"""Sizes with a meaning of their own: the real one follows in 64 bits; the box goes on to the end of the file."""


@dataclass(frozen=True)
class Segment:
    """A segment: its path on the platform and how long it plays, s."""

    path: str
    seconds: float


@dataclass(frozen=True)
class Track:
    """A media playlist: what initialises the decoder, and the segments."""

    start: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Variant:
    """A rendition in the master playlist: the path of its playlist and the bit rate that it says it needs, sound included."""

    path: str
    bandwidth: int


@dataclass(frozen=True)
class Master:
    """A master playlist: renditions by rising bit rate, and the playlist of the sound, where it has one of its own."""

    variants: tuple[Variant, ...]
    sound: str | None

    def up_to(self, rendition: str | None) -> Master:
        """With nothing larger than ``rendition``, which is the folder of its playlist; as it is where that is not among them."""
        folders = [each.path.split("/")[-2] for each in self.variants]
        kept = folders.index(rendition) + 1 if rendition in folders else len(folders)
        return replace(self, variants=self.variants[:kept])


# Every player of a lesson reads the same text; reading it once per process keeps the generator for its real work.
@lru_cache(maxsize=256)
def master(text: str, path: str) -> Master:
    """The master playlist that was served at ``path``. Raises ValueError when it names no rendition."""
    read = m3u8.loads(text)
    sounds = [each.uri for each in read.media if each.type == "AUDIO" and each.uri]
    # The sound alone is a variant too, for links that carry no picture.
    shown = [each for each in read.playlists if each.uri not in sounds]
    rows = [Variant(urljoin(path, each.uri), int(each.stream_info.bandwidth or 0)) for each in shown]
    if not rows:
        raise ValueError("no rendition in the master playlist")
    variants = tuple(sorted(rows, key=lambda each: each.bandwidth))
    return Master(variants, urljoin(path, sounds[0]) if sounds else None)


@lru_cache(maxsize=1024)
def track(text: str, path: str) -> Track:
    """The media playlist that was served at ``path``. Raises ValueError when it holds nothing to play."""
    read = m3u8.loads(text)
    if not read.segments or not read.segment_map:
        raise ValueError("no segment in the media playlist")
    segments = tuple(Segment(urljoin(path, each.uri), float(each.duration or 0.0)) for each in read.segments)
    return Track(urljoin(path, read.segment_map[0].uri), segments)


def whole(body: bytes) -> bool:
    """Whether the boxes of an MP4 file add up to exactly its length: a cut or a padded file does not."""
    place, boxes = 0, 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4])
        if size == LARGE:
            size = int.from_bytes(body[place + HEADER : place + 2 * HEADER])
        if size == TO_THE_END or size < HEADER or not body[place + 4 : place + HEADER].isalnum():
            return False
        place, boxes = place + size, boxes + 1
    return boxes > 0 and place == len(body)
