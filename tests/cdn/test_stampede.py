"""A new segment and everybody at once: the origin is read once."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.stampede import Group, extra, stampede

pytestmark = [pytest.mark.integration, pytest.mark.proof]
ORIGINS = {"at once": ("none", 0.0), "late": ("late", 0.5), "slowly": ("slow", 1.0)}
"""How the origin gives the segment: the head after seconds, or the body over seconds."""
MORE = {"at once": 4}
"""Reads of one segment at most, where it is not one: a request that missed before the copy was begun, and would write after it was whole,
reads again. The gap is some microseconds in a cache that knows its parent's address (docs/decisions/0225); a busy machine widens it."""


def crowd(lab: Lab, lesson: Lesson, count: int) -> list[Group]:
    """So many clients, evenly in all schools and at the city's own door, each with a valid token."""
    doors = lab.doors.items()
    shares = [count // len(doors) + (number < count % len(doors)) for number in range(len(doors))]
    return [Group(door, cookie(place, lesson), share) for (place, door), share in zip(doors, shares, strict=True)]


@pytest.mark.parametrize("given", ORIGINS)
def test_a_crowd_on_a_new_segment_reads_the_origin_once(
    lab: Lab, given: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    waits: list[float] = []
    reads: list[int] = []
    clients, rounds = campaign(200, 1000), campaign(1, 5)
    for number in range(rounds):
        lesson = Lesson(lab.city, f"stampede {given} {number}", 1)
        rung = lesson.rung(0)
        path = lesson.path(rung, 0)
        kind, seconds = ORIGINS[given]
        lab.told(f"/_fault?kind={kind}&seconds={seconds}&match={lesson.id}")
        answers = stampede(crowd(lab, lesson, clients), path)
        wanted = body(path, lesson.size(rung))
        assert all(each.status == 200 and each.data == wanted for group in answers for each in group)
        (read,) = lab.reads(lesson).values()
        assert 1 <= read <= MORE.get(given, 1)
        reads.append(read)
        waits += [wait for group in answers for wait in extra(group)]
    waits.sort()
    proof(
        f"stampede, {clients} cold clients at seven doors, the segment comes {given}",
        f"reads of the origin in each round: {reads}; a waiter's last byte after the first client's at its door: "
        f"median {statistics.median(waits) * 1000:.0f} ms, 99 of 100 within {waits[len(waits) * 99 // 100] * 1000:.0f} ms",
    )
