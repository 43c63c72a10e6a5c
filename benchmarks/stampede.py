"""What does a stampede cost: 1,000 clients at one moment on a segment that no cache holds, which the origin gives over a second?

The shield, from the files that the kit generates and at its door without tokens, against nginx as a cache with and without its lock, in
front of the same origin, on the same machine and in turns. A waiter's delay is the time from the first client's last byte at that cache to
its own. CPU seconds are the cache's own. The clients of the measured rounds are one h2load, which counts bytes; in one round before them
every body is compared with what the origin gave.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cdn import caches, h2load, network
from benchmarks.cdn.lab import STORE, Lab, lab
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.nginx import Nginx
from benchmarks.cdn.request import Place
from benchmarks.cdn.stampede import Group, stampede
from benchmarks.report import row
from catalog import load_named
from derive import shield

TITLE = "A stampede on a new segment"
CITY = "tiny"
CLIENTS, ROUNDS, FILL_SECONDS = 1000, 5, 1.0
FIRST_PORT = 9001


@dataclass
class Contestant:
    """A cache, and what it showed in each round."""

    name: str
    door: Place
    cpu: Callable[[], float]
    reads: list[int] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    """Milliseconds."""
    lasts: list[float] = field(default_factory=list)
    """The 99th of a hundred waiters, milliseconds."""
    seconds: list[float] = field(default_factory=list)
    """Of the processor."""


def run() -> list[dict[str, Any]]:
    """Three rows for each cache. RuntimeError where no lab can be made."""
    if why := caches.missing():
        raise RuntimeError(why)
    with lab(load_named(CITY)) as made:
        contestants = _contestants(made)
        for each in contestants:
            _compare(made, each)
        for number in range(ROUNDS):
            for each in contestants:
                _round(made, each, number)
        return [found for each in contestants for found in _rows(each)]


def _contestants(made: Lab) -> list[Contestant]:
    door = Place(network.ROOT, network.ORIGIN, shield.SCHOOLS_PORT, "shield")
    found = [Contestant("the shield (Traffic Server)", door, made.shield.cpu_seconds)]
    for lock in (True, False):
        server = Nginx(made.folder / f"nginx-{lock}", FIRST_PORT + lock, lock)
        server.start(STORE)
        found.append(Contestant(f"nginx, proxy_cache_lock {'on' if lock else 'off'}", server.door, server.cpu_seconds))
    return found


def _segment(made: Lab, contestant: Contestant, number: int) -> tuple[Lesson, str, int]:
    """A lesson that no cache has seen, its segment and that one's bytes; the origin gives it slowly."""
    lesson = Lesson(made.city, f"{contestant.name} {number}", 1)
    rung = lesson.rung(0)
    made.told(f"/_fault?kind=slow&seconds={FILL_SECONDS}&match={lesson.id}")
    return lesson, lesson.path(rung, 0), lesson.size(rung)


def _compare(made: Lab, contestant: Contestant) -> None:
    """A stampede that is not measured, and warms everything: everybody has the segment."""
    _, path, size = _segment(made, contestant, -1)
    (answers,) = stampede([Group(contestant.door, {}, CLIENTS)], path)
    wanted = body(path, size)
    wrong = [each for each in answers if not each.whole or each.data != wanted]
    if wrong:
        raise AssertionError(f"{contestant.name}: {len(wrong)} of {CLIENTS} had not the segment: {wrong[0].error}")


def _round(made: Lab, contestant: Contestant, number: int) -> None:
    """One stampede."""
    lesson, path, size = _segment(made, contestant, number)
    before = contestant.cpu()
    first, *others = h2load.ends(contestant.door, path, CLIENTS, size)
    waits = [(end - first) * 1000 for end in others]
    contestant.seconds.append(contestant.cpu() - before)
    contestant.reads.append(made.reads(lesson)[path])
    contestant.medians.append(statistics.median(waits))
    contestant.lasts.append(waits[len(waits) * 99 // 100])


def _rows(contestant: Contestant) -> list[dict[str, Any]]:
    cpu = statistics.median(contestant.seconds)
    figures = (
        ("reads of the origin", "reads", contestant.reads, None),
        ("a waiter's delay, median", "ms", contestant.medians, None),
        ("a waiter's delay, 99 of 100", "ms", contestant.lasts, cpu),
    )
    note = f"CPU of one stampede of {CLIENTS}"
    return [
        row(f"{contestant.name}: {what}", values, unit, note if seconds else "", cpu_seconds=seconds)
        for what, unit, values, seconds in figures
    ]
