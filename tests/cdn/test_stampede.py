"""A new segment and everybody at once: the origin is read once."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from benchmarks.cdn import h2load
from benchmarks.cdn.lab import Lab
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.stampede import ORIGINS, everywhere, stampede, waits

pytestmark = [pytest.mark.integration, pytest.mark.proof]
MORE = {"at once": 4}
"""Reads of one segment at most, where it is not one: a request that missed before the copy was begun, and would write after it was whole,
reads again. The gap is some microseconds in a cache that knows its parent's address (docs/decisions/0225); a busy machine widens it."""


def segment(lab: Lab, how: str, name: str) -> tuple[Lesson, str, int]:
    """A new lesson, its only segment and that one's bytes; the origin gives it so."""
    lesson = Lesson(lab.city, f"stampede {how} {name}", 1)
    kind, seconds = ORIGINS[how]
    lab.told(f"/_fault?kind={kind}&seconds={seconds}&match={lesson.id}")
    return lesson, lesson.path(lesson.rung(0), 0), lesson.size(lesson.rung(0))


def read(lab: Lab, lesson: Lesson, how: str) -> int:
    """Reads of the lesson's only segment, which are as few as they should be."""
    (count,) = lab.reads(lesson).values()
    assert 1 <= count <= MORE.get(how, 1)
    return count


@pytest.mark.parametrize("how", ORIGINS)
def test_everybody_in_a_crowd_has_the_segment(lab: Lab, how: str, campaign: Callable[[int, int], int]) -> None:
    lesson, path, size = segment(lab, how, "compared")
    answers = stampede(everywhere(lab, lesson, campaign(200, 1000)), path)
    wanted = body(path, size)
    assert all(each.status == 200 and each.data == wanted for group in answers for each in group)
    read(lab, lesson, how)


@pytest.mark.parametrize("how", ORIGINS)
def test_a_crowd_on_a_new_segment_reads_the_origin_once(
    lab: Lab, how: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    waited: list[float] = []
    reads: list[int] = []
    asking: list[float] = []
    clients, rounds = campaign(200, 1000), campaign(1, 5)
    for number in range(rounds):
        lesson, path, size = segment(lab, how, f"timed {number}")
        with h2load.crowd(everywhere(lab, lesson, clients), path, size) as crowd:
            served = crowd.ask()
        reads.append(read(lab, lesson, how))
        waited += [wait for group in served for wait in waits(each.ended for each in group)]
        asking.append(h2load.apart(served))
    waited.sort()
    proof(
        f"stampede, {clients} cold clients at seven doors, their connections open, the segment comes {how}",
        f"reads of the origin in each round: {reads}; all asked within {max(asking) * 1000:.0f} ms; "
        f"a waiter's last byte after the first client's at its door: "
        f"median {statistics.median(waited) * 1000:.0f} ms, 99 of 100 within {waited[len(waited) * 99 // 100] * 1000:.0f} ms",
    )
