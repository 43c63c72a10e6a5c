"""How lessons are packaged and streamed live: the renditions of the ladder and the timing of segments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from catalog.types import Fact, Kbps, Slug

Pixels = Annotated[int, Field(ge=2, le=8192, multiple_of=2)]
"""Pixels, even, since 4:2:0 video has no odd sizes."""


class Rendition(Fact):
    """One rung of the ladder."""

    id: Slug
    """Short id, used in file names, for instance ``v720-3000``."""
    width: Pixels
    """Width, pixels."""
    height: Pixels
    """Height, pixels."""
    video_kbps: Kbps
    """Average video bit rate, kbit/s."""


class Packaging(Fact):
    """Timing and sound, the same for every rendition; and what is made beside them."""

    segment_seconds: Annotated[int, Field(ge=1, le=10)]
    """Target length of a segment, s."""
    keyframe_seconds: Annotated[int, Field(ge=1, le=10)]
    """Distance between key frames, s; divides the segment."""
    frames_per_second: Annotated[int, Field(ge=5, le=60)]
    """Frame rate, 1/s."""
    audio_kbps: Annotated[int, Field(ge=16, le=512)]
    """Bit rate of the separate audio, kbit/s."""
    thumbnail_seconds: Annotated[int, Field(ge=1, le=60)]
    """Distance between the small pictures of the player's time line, s."""
    download: Slug
    """Rendition that is handed out as one file where the licence allows it; of a smaller film the largest below it."""


class Live(Fact):
    """How a class is streamed live."""

    renditions: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Renditions of the ladder that a live class has; each one is encoded while the class waits."""
    segment_seconds: Annotated[int, Field(ge=1, le=6)]
    """Length of a segment and distance between key frames, s: viewers are about three segments behind the teacher."""
    window_segments: Annotated[int, Field(ge=6, le=900)]
    """How many segments a playlist lists: how far back somebody who comes late can go."""
    rejoin_seconds: Annotated[int, Field(ge=5, le=600)]
    """How long a lost link of the teacher's is waited for before the class ends, s."""
    longest_minutes: Annotated[int, Field(ge=10, le=480)]
    """When a class ends at the latest, minutes from its start."""
    ingest_kbps: Kbps
    """The most that a teacher's program should send, kbit/s: room for the recording is made for so much."""
    recorded: bool
    """Whether a class is recorded, and played on demand when it has ended."""
