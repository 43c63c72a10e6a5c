"""One track on its way into the bucket: a segment first, then the playlist that names it, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import Final, TypeVar

from services.live.request import SOUND, Request
from services.live.window import LIFETIME, Item, Window, read
from services.packager.encode import SAMPLE_RATE, timescale
from services.packager.fragments import Fragment
from services.packager.store import IMMUTABLE, Bucket

WAITING: Final = 60
"""Segments that may wait while the store does not answer: two minutes of class."""
PATIENCE: Final = 120
"""Seconds for which a store that fails is tried again."""
PAUSE: Final = 1.0
Result = TypeVar("Result")


def header(run: str) -> str:
    """Name of a run's header."""
    return f"{run}-init.mp4"


def segment(run: str, number: int) -> str:
    """Name of a run's segment, counted from 1."""
    return f"{run}-{number:05d}.m4s"


def patiently(call: Callable[[], Result]) -> Result:
    """What ``call`` returns, tried again for a while when it fails; the last failure is raised."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except Exception:  # whatever the store or the way to it did, the next second may be better
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


class Channel:
    """A track. Whatever goes wrong in its thread is raised by the next call of :meth:`check`."""

    def __init__(self, bucket: Bucket, request: Request, track: str) -> None:
        self.bucket, self.request, self.track = bucket, request, track
        self.rate = SAMPLE_RATE if track == SOUND else timescale(request.fps)
        self.header = b""
        self.window = Window(request.window_segments, request.segment_seconds)
        self.failure: Exception | None = None
        self._queue: Queue[Callable[[], None]] = Queue(WAITING)
        self._run, self._begun, self._ticks, self._number, self._fresh = "", datetime.now(UTC), 0, 0, True
        threading.Thread(target=self._work, daemon=True).start()

    @property
    def begun(self) -> bool:
        """Whether a player finds something."""
        return bool(self.window.items)

    @property
    def seconds(self) -> float:
        """How much of the current run has been taken."""
        return self._ticks / self.rate

    def resume(self) -> None:
        """Take up the playlist that an earlier process left."""
        found = patiently(lambda: self.bucket.get(self._key("index.m3u8")))
        if found:
            self.window = read(found[0].decode(), self.request.window_segments, self.request.segment_seconds)

    def begin(self, run: str, begun: datetime) -> None:
        """A new run: what comes now began at ``begun`` and does not fit to what came before."""
        self._run, self._begun, self._ticks, self._number, self._fresh = run, begun, 0, 0, True

    def take(self, part: bytes | Fragment) -> None:
        """The run's header, or its next segment."""
        if isinstance(part, Fragment):
            at = self._begun + timedelta(seconds=self._ticks / self.rate)
            self._ticks, self._number = self._ticks + part.ticks, self._number + 1
            name = segment(self._run, self._number)
            item = Item(name, part.ticks / self.rate, header(self._run), at, self._fresh)
            self._fresh = False
            self._queue.put(lambda: self._segment(item, part.data))
        else:
            self.header, name = part, header(self._run)
            self._queue.put(lambda: self._put(name, part, IMMUTABLE))

    def check(self) -> None:
        """Raise what went wrong in the thread."""
        if self.failure:
            raise self.failure

    def drain(self) -> None:
        """Wait until everything taken is in the bucket."""
        self._queue.join()
        self.check()

    def end(self) -> None:
        """Tell players that nothing more comes; again and again does no harm."""
        self.window.ended = True
        self._list()

    def _segment(self, item: Item, data: bytes) -> None:
        self._put(item.name, data, IMMUTABLE)
        first = not self.window.items and not self.window.sequence
        self.window.add(Item(item.name, item.seconds, item.header, item.at, item.breaks and not first))
        self._list()

    def _list(self) -> None:
        self._put("index.m3u8", self.window.text().encode(), LIFETIME)

    def _put(self, name: str, data: bytes, cache: str) -> None:
        patiently(lambda: self.bucket.put(self._key(name), data, cache))

    def _key(self, name: str) -> str:
        return f"{self.request.folder}{self.track}/{name}"

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            try:
                if self.failure is None:
                    job()
            except Exception as error:  # raised again by check(), in the thread that can end the class
                self.failure = error
            finally:
                self._queue.task_done()
