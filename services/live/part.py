"""What one connection sends, as it came: on the volume while it is looked at, and longer only where it is recorded and there is room.

A volume that is over its limit costs the pod, and with it everything that was recorded. So a part ends before, class goes on, and the rest
of the recording is what was streamed live.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.packager.disk import MIB
from services.packager.progress import say

STEP: Final = MIB // 4
"""Bytes after which the room is looked at again: half a second of a camera's 4,000 kbit/s."""
PACE_SECONDS: Final = 30.0
"""For which a camera's rate is taken before anything is said of it: a key frame or a quick scene is no rate."""
WELL_ABOVE: Final = 1.2
"""Times the rate that was asked for: a program that keeps to it sends the sound and the packets' heads on top, a tenth at most."""


class Pace:
    """Says, once for all parts, that the camera is faster than it was asked to be; ``kbps`` is 0 where nobody said."""

    def __init__(self, kbps: int) -> None:
        self.kbps, self._said = kbps, False

    def check(self, size: int, seconds: float) -> None:
        """So many bytes came in so many seconds."""
        if self._said or not self.kbps or seconds < PACE_SECONDS:
            return
        rate = size * 8 / 1000 / seconds
        if rate > WELL_ABOVE * self.kbps:
            self._said = True
            say(
                warning=f"the camera sends {rate:.0f} kbit/s where live.ingest_kbps is {self.kbps}: "
                "there may be no room to keep what comes in before class ends"
            )


class Part:
    """A file that takes what comes. ``room`` says whether more of it may be kept; one that is not ``kept`` is only looked at."""

    def __init__(self, file: Path, room: Callable[[], bool], pace: Pace, *, kept: bool) -> None:
        self.file, self._room, self._pace, self._kept = file, room, pace, kept
        self._out = file.open("wb", buffering=0)
        self._size, self._fresh, self._looking, self._begun = 0, 0, True, time.monotonic()

    def write(self, data: bytes) -> None:
        """Take what came, as long as it is wanted."""
        if self._out.closed:
            return
        self._out.write(data)
        self._size, self._fresh = self._size + len(data), self._fresh + len(data)
        if self._fresh >= STEP and not self._looking:
            self._check()

    def seen(self) -> bytes:
        """Everything until now, once it has been looked at; what is not kept goes, and nothing more is written."""
        data, self._looking = self.file.read_bytes(), False
        if not self._kept:
            self.close()
        elif not self._check():
            # All of this run will be among what is streamed, and room is what there is none of.
            self.file.unlink()
        return data

    def close(self) -> None:
        """End it. What nobody found a picture in stays, unless its room is needed."""
        self._out.close()
        if not self._kept or (self._looking and not self._room()):
            self.file.unlink(missing_ok=True)

    def _check(self) -> bool:
        self._fresh = 0
        self._pace.check(self._size, time.monotonic() - self._begun)
        if self._room():
            return True
        self._out.close()
        say(
            warning="what comes in is kept no longer, since the working space holds no more of it: class goes on live, and the recording "
            "will have the rest as it is streamed; does the camera send more than live.ingest_kbps?"
        )
        return False
