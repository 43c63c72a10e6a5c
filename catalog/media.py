"""How lessons are packaged: the renditions of the ladder and the timing of segments."""

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
    """Timing and sound, the same for every rendition."""

    segment_seconds: Annotated[int, Field(ge=1, le=10)]
    """Target length of a segment, s."""
    keyframe_seconds: Annotated[int, Field(ge=1, le=10)]
    """Distance between key frames, s; divides the segment."""
    frames_per_second: Annotated[int, Field(ge=5, le=60)]
    """Frame rate, 1/s."""
    audio_kbps: Annotated[int, Field(ge=16, le=512)]
    """Bit rate of the separate audio, kbit/s."""
