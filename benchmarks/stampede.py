"""What does a stampede cost: 1,000 clients at one moment on a segment that no cache holds, which the origin gives over a second?

Our caches, from the files that the kit generates, against nginx as a cache with and without its lock, in front of the same origin, on the
same machine and in turns. Alone: the shield at its door without tokens, and one nginx. Three levels: a city's shield, the edges of its
districts and the boxes of its schools over links of the catalog's rates, with tokens and TLS between the levels, the clients evenly at the
city's own door and in the schools; and an nginx beside each of these, without tokens and in the clear between the levels.

The clients have their connections before they ask, as players have when a new segment appears. A waiter's delay is the time from the first
client's last byte at its cache to its own. CPU seconds are the caches' own, from the asking to the last answer. All caches and all clients
share this machine's cores, where each box in a school has its own. The clients of the measured rounds are one h2load at each door, which
counts bytes; in one round before them every body is compared with what the origin gave.

The aim is that a waiter sees 50 ms or less over the fill. Medians keep to it, the slowest of a thousand do not: where all share two cores
they wait for work, not for the segment (decision 0268).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cdn import caches, h2load, network, nginx
from benchmarks.cdn.lab import SCHOOLS_PORT, Lab, lab
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.nginx import Nginx
from benchmarks.cdn.request import Place
from benchmarks.cdn.stampede import Group, everywhere, shared, stampede, waits
from benchmarks.report import row
from catalog import load_named

TITLE = "A stampede on a new segment"
CITY = "tiny"
CLIENTS, ROUNDS, FILL_SECONDS = 1000, 5, 1.0
ALONE, TREE = 9001, 9011
"""Ports of nginx, the next one for it with its lock."""


@dataclass
class Contestant:
    """A cache or a tree of them, and what it showed in each round."""

    name: str
    crowd: Callable[[Lesson], Sequence[Group]]
    cpu: Callable[[], float]
    reads: list[int] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    """Milliseconds."""
    lasts: list[float] = field(default_factory=list)
    """The 99th of a hundred waiters, milliseconds."""
    seconds: list[float] = field(default_factory=list)
    """Of the processor."""
    apart: list[float] = field(default_factory=list)
    """Seconds between the first client who asked and the last one."""


def run() -> list[dict[str, Any]]:
    """Three rows for each contestant. RuntimeError where no lab can be made."""
    if why := caches.missing():
        raise RuntimeError(why)
    with lab(load_named(CITY)) as made:
        made.mend()
        contestants = _contestants(made)
        for each in contestants:
            _compare(made, each)
        for number in range(ROUNDS):
            for each in contestants:
                _round(made, each, number)
        return [found for each in contestants for found in _rows(each)]


def _contestants(made: Lab) -> list[Contestant]:
    door = Place(network.ROOT, network.ORIGIN, SCHOOLS_PORT, "shield")
    alone = [Contestant("the shield (Traffic Server)", _plainly([door]), made.shield.cpu_seconds)]
    tree = [
        Contestant(
            "three levels, Traffic Server",
            lambda lesson: everywhere(made, lesson, CLIENTS),
            made.cpu_seconds,
        )
    ]
    for lock in (True, False):
        name = f"nginx, proxy_cache_lock {'on' if lock else 'off'}"
        one = nginx.alone(made, ALONE + lock, lock)
        alone.append(Contestant(name, _plainly([one.door]), one.cpu_seconds))
        many = nginx.tree(made, TREE + lock, lock)
        doors = [many[door.space].door for door in made.doors.values()]
        tree.append(Contestant(f"three levels, {name}", _plainly(doors), _cpu(many.values())))
    return [*alone, *tree]


def _plainly(doors: Sequence[Place]) -> Callable[[Lesson], Sequence[Group]]:
    """All clients, evenly at these doors, without tokens."""
    return lambda _: shared([Group(each, {}, 1) for each in doors], CLIENTS)


def _cpu(servers: Collection[Nginx]) -> Callable[[], float]:
    return lambda: sum(each.cpu_seconds() for each in servers)


def _segment(made: Lab, contestant: Contestant, number: int) -> tuple[Lesson, str, int]:
    """A lesson that no cache has seen, its segment and that one's bytes; the origin gives it slowly."""
    lesson = Lesson(made.city, f"{contestant.name} {number}", 1)
    rung = lesson.rung(0)
    made.told(f"/_fault?kind=slow&seconds={FILL_SECONDS}&match={lesson.id}")
    return lesson, lesson.path(rung, 0), lesson.size(rung)


def _compare(made: Lab, contestant: Contestant) -> None:
    """A stampede that is not measured, and warms everything: everybody has the segment."""
    lesson, path, size = _segment(made, contestant, -1)
    answers = [each for group in stampede(contestant.crowd(lesson), path) for each in group]
    wanted = body(path, size)
    wrong = [each for each in answers if not each.whole or each.data != wanted]
    if wrong:
        raise AssertionError(f"{contestant.name}: {len(wrong)} of {CLIENTS} had not the segment: {wrong[0].error}")


def _round(made: Lab, contestant: Contestant, number: int) -> None:
    """One stampede."""
    lesson, path, size = _segment(made, contestant, number)
    with h2load.crowd(contestant.crowd(lesson), path, size) as crowd:
        before = contestant.cpu()
        served = crowd.ask()
        contestant.seconds.append(contestant.cpu() - before)
    waited = sorted(wait * 1000 for group in served for wait in waits(each.ended for each in group))
    contestant.apart.append(h2load.apart(served))
    contestant.reads.append(made.reads(lesson)[path])
    contestant.medians.append(statistics.median(waited))
    contestant.lasts.append(waited[len(waited) * 99 // 100])


def _rows(contestant: Contestant) -> list[dict[str, Any]]:
    cpu = statistics.median(contestant.seconds)
    figures = (
        ("reads of the origin", "reads", contestant.reads, None),
        ("a waiter's delay, median", "ms", contestant.medians, None),
        ("a waiter's delay, 99 of 100", "ms", contestant.lasts, cpu),
    )
    note = f"CPU of one stampede of {CLIENTS}; all asked within {max(contestant.apart) * 1000:.0f} ms"
    return [
        row(f"{contestant.name}: {what}", values, unit, note if seconds else "", cpu_seconds=seconds)
        for what, unit, values, seconds in figures
    ]
