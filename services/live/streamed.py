"""What was streamed live, as it lies in the bucket: the best rendition and the sound of it, for a recording whose disk is gone.

Names say it all: ``<run>-init.mp4`` and ``<run>-<number>.m4s``, numbers from 1 on, every segment as long as asked but for a run's last.
They stay until ``huiju live stop`` or ``huiju lesson rm`` takes them away, which is after packaging.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

from services.live.channel import header, patiently, segment
from services.live.request import SOUND, Request
from services.packager import fragments
from services.packager.store import Bucket

NAME: Final = re.compile(r"(r\d+)-(?:(init)\.mp4|(\d+)\.m4s)")
HEADER: Final = 0
"""Stands for the header where segments go by their number."""


@dataclass(frozen=True)
class Stretch:
    """Segments ``first`` to ``last`` of a run, none of which is missing; ``size`` is the bytes of its pictures."""

    run: str
    first: int
    last: int
    seconds: float
    pictures: int
    size: int
    heard: bool
    """Whether there is sound; else silence takes its place."""


@dataclass(frozen=True)
class Run:
    """What is there of one connection of the teacher's: number -> bytes of its pictures, and the numbers of its sound."""

    name: str
    shown: Mapping[int, int]
    heard: frozenset[int]
    span: int
    """Seconds of a segment."""
    fps: int
    lacks: int = 0
    """Pictures that the last segment has fewer than the others."""

    @property
    def seconds(self) -> float:
        """How long it was streamed, whether all of it is still there or not."""
        return max(self.shown) * self.span - self.lacks / self.fps

    def stretches(self, after: int = 0) -> list[Stretch]:
        """Everything that can be played behind segment ``after``, in order."""
        numbers = sorted(number for number in self.shown if number > max(after, HEADER))
        if HEADER not in self.shown or not numbers:
            return []
        begins = [numbers[0], *(two for one, two in pairwise(numbers) if two != one + 1)]
        ends = [*(one for one, two in pairwise(numbers) if two != one + 1), numbers[-1]]
        return [self._stretch(first, last) for first, last in zip(begins, ends, strict=True)]

    def _stretch(self, first: int, last: int) -> Stretch:
        pictures = (last - first + 1) * self.span * self.fps - (self.lacks if last == max(self.shown) else 0)
        size = sum(self.shown[number] for number in range(first, last + 1))
        return Stretch(self.name, first, last, pictures / self.fps, pictures, size, {HEADER, first} <= self.heard)


@dataclass
class _Found:
    shown: dict[int, int] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)


class Streamed:
    """All of a class. Only what has ended is asked for: nothing of it changes any more."""

    def __init__(self, bucket: Bucket, request: Request) -> None:
        self.bucket, self.request = bucket, request

    def runs(self) -> list[Run]:
        """Every run of which a picture is there, in any order."""
        return patiently(self._runs)

    def _runs(self) -> list[Run]:
        found = dict[str, _Found]()
        for run, number, size in self._listed(self._best):
            found.setdefault(run, _Found()).shown[number] = size
        for run, number, _ in self._listed(SOUND):
            found.setdefault(run, _Found()).heard.add(number)
        return [self._run(name, each) for name, each in found.items() if max(each.shown, default=HEADER) > HEADER]

    @contextmanager
    def opened(self, stretch: Stretch) -> Iterator[list[int]]:
        """Pipes out of which its pictures, and its sound if it has any, come as fragmented MP4; raises what kept them from coming."""
        tracks = [self._best, *([SOUND] if stretch.heard else [])]
        pipes = [os.pipe() for _ in tracks]
        with ThreadPoolExecutor(len(tracks)) as pool:
            feeding = [
                pool.submit(self._feed, track, stretch, to) for track, (_, to) in zip(tracks, pipes, strict=True)
            ]
            try:
                yield [out for out, _ in pipes]
            finally:
                for out, _ in pipes:
                    os.close(out)  # What is still being fed has nowhere to go then, and ends.
        for each in feeding:
            each.result()

    @property
    def _best(self) -> str:
        return self.request.rungs[-1].name

    def _key(self, track: str, run: str, number: int) -> str:
        return f"{self.request.folder}{track}/{segment(run, number) if number else header(run)}"

    def _listed(self, track: str) -> Iterator[tuple[str, int, int]]:
        for key, size, _ in self.bucket.objects(f"{self.request.folder}{track}/"):
            if name := NAME.fullmatch(key.rsplit("/", 1)[-1]):
                yield name[1], int(name[3] or HEADER), size

    def _run(self, name: str, found: _Found) -> Run:
        last, span, fps = max(found.shown), self.request.segment_seconds, self.request.fps
        data = self._get(self._key(self._best, name, last))
        return Run(
            name, found.shown, frozenset(found.heard), span, fps, span * fps - fragments.single(data, last).samples
        )

    def _feed(self, track: str, stretch: Stretch, to: int) -> None:
        try:
            with os.fdopen(to, "wb") as pipe:
                for number in (HEADER, *range(stretch.first, stretch.last + 1)):
                    key = self._key(track, stretch.run, number)
                    # A last moment of sound may be missing, and is silence.
                    if data := patiently(partial(self.bucket.get, key)):
                        pipe.write(data[0])
                    elif track != SOUND:
                        raise FileNotFoundError(key)
        except BrokenPipeError:
            pass  # whoever reads it has all that it wants

    def _get(self, key: str) -> bytes:
        found = self.bucket.get(key)
        if found is None:
            raise FileNotFoundError(key)
        return found[0]
