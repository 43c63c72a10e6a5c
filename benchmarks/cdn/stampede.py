"""A stampede: many clients, each on a connection of its own, ask for one segment at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson
from benchmarks.cdn.request import Answer, Connection, Place

OPENING = 50
"""Handshakes at a time."""
ORIGINS = {"at once": ("none", 0.0), "late": ("late", 0.5), "slowly": ("slow", 1.0)}
"""How the origin gives the segment, its name and seconds for `origin.Fault`: the head after seconds, or the body over seconds."""


@dataclass(frozen=True)
class Group:
    """So many clients at one door, with their token."""

    door: Place
    headers: Mapping[str, str]
    count: int


def everywhere(lab: Lab, lesson: Lesson, count: int) -> list[Group]:
    """So many clients, evenly in all schools and at the city's own door, each with a valid token."""
    return shared([Group(door, cookie(place, lesson), 1) for place, door in lab.doors.items()], count)


def shared(groups: Sequence[Group], count: int) -> list[Group]:
    """So many clients, evenly at the doors of ``groups``."""
    shares = [count // len(groups) + (number < count % len(groups)) for number in range(len(groups))]
    return [Group(each.door, each.headers, share) for each, share in zip(groups, shares, strict=True)]


async def _opened(groups: Sequence[Group]) -> list[tuple[Group, Connection]]:
    clients = [(each, Connection(each.door)) for each in groups for _ in range(each.count)]
    for start in range(0, len(clients), OPENING):
        await asyncio.gather(*(connection.open() for _, connection in clients[start : start + OPENING]))
    return clients


async def _run(groups: Sequence[Group], path: str, seconds: float) -> list[list[Answer]]:
    clients = await _opened(groups)
    answers = await asyncio.gather(*(each.get(path, group.headers, seconds=seconds) for group, each in clients))
    for _, connection in clients:
        connection.close()
    found = iter(answers)
    return [[next(found) for _ in range(each.count)] for each in groups]


def stampede(groups: Sequence[Group], path: str, seconds: float = 120) -> list[list[Answer]]:
    """The answers, by group. One Python process is all clients: it can compare what they got, and is slower than the caches."""
    return asyncio.run(_run(groups, path, seconds))


def waits(ends: Iterable[float]) -> list[float]:
    """Seconds that each other client's last byte came after the first client's: how long a waiter waited over the fill."""
    filled, *others = sorted(ends)
    return [each - filled for each in others]
