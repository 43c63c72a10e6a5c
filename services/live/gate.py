"""Holds a run back until every track has a segment of it: a run begins in all playlists or in none.

Players match the breaks of pictures and sound by their number. A connection that is lost before its first key frame would otherwise leave
a break in the sound alone, and from there on the two would never fit again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from services.live.encoder import Sink
from services.packager.fragments import Fragment


class Gate:
    """Passes on what it takes, in order within each track, once it is open."""

    def __init__(self, tracks: Iterable[str], sink: Sink) -> None:
        self._missing, self._sink = set(tracks), sink
        self._held: list[tuple[str, bytes | Fragment]] = []
        self._lock = threading.Lock()

    def take(self, track: str, part: bytes | Fragment) -> None:
        """The next part of a track; called by a thread for each track."""
        with self._lock:
            if self._missing:
                self._held.append((track, part))
                if isinstance(part, Fragment):
                    self._missing.discard(track)
                if self._missing:
                    return
                held, self._held = self._held, []
                for each in held:
                    self._sink(*each)
                return
        self._sink(track, part)
