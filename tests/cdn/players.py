"""Players that nobody watches: they fetch a lesson's segments in order, check every byte, and play out of a buffer as a browser would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from benchmarks.cdn.material import body, size_of
from benchmarks.cdn.request import Answer, Connection, Place
from services.live.window import Item, read

AHEAD_SECONDS = 30
"""As hls.js by default (`maxBufferLength`)."""
PATIENCE_SECONDS = 20
"""For one request (hls.js: `fragLoadPolicy`, 10 s for the first byte, 120 s for all)."""
PAUSE_SECONDS = 0.5
"""Before what did not come is asked for again."""
BEHIND_SEGMENTS = 3
"""Where a player begins, from the end of a live playlist (RFC 8216, section 6.3.3)."""

TICK_SECONDS = 0.1


@dataclass
class Buffer:
    """Seconds of lesson that are loaded and not yet played; plays from the first segment on, and stands still when it is empty."""

    loaded: float = 0
    played: float = 0
    stalled: float = 0
    """Seconds of standing still after the start."""
    trace: list[tuple[float, float]] = field(default_factory=list)
    """Time since the start, and seconds in the buffer."""
    began: float | None = None
    _now: float = 0

    @property
    def seconds(self) -> float:
        """What is left to play."""
        return self.loaded - self.played

    def advance(self, now: float) -> None:
        """Play until ``now``."""
        if self.began is None:
            return
        passed = now - self._now
        playable = min(passed, self.seconds)
        self.played += playable
        self.stalled += passed - playable
        self._now = now
        self.trace.append((now - self.began, self.seconds))

    def add(self, now: float, seconds: float) -> None:
        """A segment is there."""
        self.advance(now)
        if self.began is None:
            self.began = self._now = now
        self.loaded += seconds
        self.trace.append((now - self.began, self.seconds))


@dataclass
class Player:
    """One viewer at a door, with a token; ``paths`` are its segments, of ``seconds`` each."""

    door: Place
    headers: Mapping[str, str]
    paths: Sequence[str]
    seconds: float
    buffer: Buffer = field(default_factory=Buffer)
    wrong: list[str] = field(default_factory=list)
    """Segments that came whole and were not what was published."""
    failed: list[str] = field(default_factory=list)
    """Tries that brought nothing, or not all."""
    bytes: int = 0

    async def play(self, ended: asyncio.Event) -> None:
        """Until the lesson or the test is over."""
        connection = Connection(self.door)
        async for path in self._lesson(connection, ended):
            while not ended.is_set() and self._full():
                await asyncio.sleep(TICK_SECONDS)
            while not ended.is_set() and not await self._load(connection, path):
                await asyncio.sleep(PAUSE_SECONDS)
            if ended.is_set():
                break
            self.buffer.add(time.monotonic(), self.seconds)
        connection.close()
        self.buffer.advance(time.monotonic())

    async def _lesson(self, _connection: Connection, _ended: asyncio.Event) -> AsyncIterator[str]:
        """What to load, in order."""
        for path in self.paths:
            yield path

    def _full(self) -> bool:
        self.buffer.advance(time.monotonic())
        return self.buffer.seconds > AHEAD_SECONDS - self.seconds

    async def _load(self, connection: Connection, path: str) -> bool:
        answer = await self._get(connection, path)
        if answer is None:
            return False
        self.bytes += len(answer.data)
        if answer.data != body(path, size_of(path) or 0):
            self.wrong.append(path)
        return True

    async def _get(self, connection: Connection, path: str) -> Answer | None:
        answer = await connection.get(path, self.headers, seconds=PATIENCE_SECONDS)
        if answer.whole and answer.status == 200:
            return answer
        self.failed.append(f"{path}: {answer.status} {answer.error}")
        return None


@dataclass
class LivePlayer(Player):
    """One who watches a class that is on the air: ``paths`` is its playlist alone, asked for again as RFC 8216, section 6.3.4, has it."""

    missed: int = 0
    """Segments that the playlist had given up before they were loaded."""
    behind: list[float] = field(default_factory=list)
    """Seconds from what was filmed to what the picture shows, at each segment that came."""

    async def _lesson(self, connection: Connection, ended: asyncio.Event) -> AsyncIterator[str]:
        (playlist,) = self.paths
        following, over = -1, False
        while not (over or ended.is_set()):
            asked = time.monotonic()
            answer = await self._get(connection, playlist)
            if answer is None:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            window = read(answer.data.decode(), 0, 0)
            end, over = window.sequence + len(window.items), window.ended
            first = following if following >= 0 else end - BEHIND_SEGMENTS
            following = max(first, window.sequence)
            self.missed += following - first
            fresh = window.items[following - window.sequence :]
            for item in fresh:
                yield urljoin(playlist, item.name)
                self._shows(item)
            following = max(end, following)
            pause = self.seconds if fresh else self.seconds / 2
            while not (over or ended.is_set()) and time.monotonic() < asked + pause:
                await asyncio.sleep(TICK_SECONDS)

    def _shows(self, item: Item) -> None:
        self.behind.append(time.time() - item.at.timestamp() - item.seconds + self.buffer.seconds)


async def _clock(players: Sequence[Player], ended: asyncio.Event, late: list[float]) -> None:
    """Play on whatever each player waits for, and note by how much the machine was late, whenever it was."""
    while not ended.is_set():
        asked = time.monotonic()
        await asyncio.sleep(TICK_SECONDS)
        late.append(time.monotonic() - asked - TICK_SECONDS)
        for each in players:
            each.buffer.advance(time.monotonic())


def play(players: Sequence[Player], meanwhile: Callable[[], None] | None = None) -> float:
    """All at once. With ``meanwhile``, until that is done, in a thread of its own; otherwise until their lessons are.

    Returns for how many seconds the machine kept the players from running at all: no longer standstill is theirs, and a shorter one may
    be nobody's.
    """
    late: list[float] = []

    async def run() -> None:
        ended = asyncio.Event()
        watching = asyncio.create_task(_clock(players, ended, late))
        tasks = [asyncio.create_task(each.play(ended)) for each in players]
        try:
            if meanwhile:
                await asyncio.to_thread(meanwhile)
                ended.set()
            await asyncio.gather(*tasks)
        finally:
            ended.set()
            await watching

    asyncio.run(run())
    return sum(each for each in late if each > TICK_SECONDS)
