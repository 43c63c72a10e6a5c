"""Holds a run back until every track has a segment of it: a run begins in all playlists or in none.

Players match the breaks of pictures and sound by their number. A connection that is lost before its first key frame would otherwise leave
a break in the sound alone, and from there on the two would never fit again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

from services.live.encoder import Sink
from services.live.request import SOUND
from services.packager.fragments import Fragment

PATIENCE: Final = 5.0
"""Seconds by which the sound's first segment may be later than a picture's. Both begin at one moment and are equally long: on an idle
machine it is a tenth of one, and what has not come by then is a sound that was announced and is not sent."""


class Gate:
    """Passes on what it takes, in order within each track, once it is open."""

    def __init__(self, tracks: Iterable[str], sink: Sink) -> None:
        self._missing, self._sink = set(tracks), sink
        self._held: list[tuple[str, bytes | Fragment]] = []
        self._lock = threading.Lock()
        self._since: float | None = None
        self._shut = False

    def gives_up(self) -> bool:
        """Whether nothing but the sound is missing, and for too long: then nothing of this run will ever pass."""
        with self._lock:
            late = self._since is not None and time.monotonic() - self._since > PATIENCE
            if late and self._missing == {SOUND}:
                self._shut, self._held = True, []
            return self._shut

    def take(self, track: str, part: bytes | Fragment) -> None:
        """The next part of a track; called by a thread for each track."""
        with self._lock:
            if self._shut:
                return
            if self._missing:
                self._held.append((track, part))
                if isinstance(part, Fragment):
                    self._missing.discard(track)
                    self._since = self._since or time.monotonic()
                if self._missing:
                    return
                held, self._held = self._held, []
                for each in held:
                    self._sink(*each)
                return
        self._sink(track, part)
