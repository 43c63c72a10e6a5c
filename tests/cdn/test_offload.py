"""Bytes that the origin gives, against the fewest that could answer the same requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson, body, size_of
from benchmarks.cdn.request import Connection

pytestmark = [pytest.mark.integration, pytest.mark.proof]
LESSONS, SEGMENTS, VIEWERS = 6, 8, 12
"""Lessons of the day, their segments, and viewers in each school at one time."""


@dataclass(frozen=True)
class Row:
    """A line of the request log."""

    school: str
    path: str
    bytes: int


def offload(log: list[Row], read: int) -> tuple[float, float]:
    """Share of the viewers' bytes that did not come from the origin: as it was, and the best possible (each file read once)."""
    given = sum(row.bytes for row in log)
    best = sum({row.path: row.bytes for row in log}.values())
    return 1 - read / given, 1 - best / given


async def _watch(lab: Lab, school: str, lessons: list[Lesson], dice: random.Random, log: list[Row]) -> None:
    """A viewer: a few lessons, the first of them more often than the last."""
    connection = Connection(lab.door(school))
    for lesson in dice.choices(lessons, [1 / rank for rank in range(1, len(lessons) + 1)], k=3):
        rung, token = lesson.rung(dice.choice((0, 360))), cookie(school, lesson)
        for path in lesson.paths(rung):
            answer = await connection.get(path, token)
            assert answer.status == 200 and answer.data == body(path, lesson.size(rung)), answer.error
            log.append(Row(school, path, len(answer.data)))
    connection.close()


def test_the_origin_gives_hardly_more_than_the_fewest_bytes_that_could_do(
    lab: Lab, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    log: list[Row] = []
    lessons = [Lesson(lab.city, f"offload {number}", SEGMENTS) for number in range(LESSONS)]

    async def day() -> None:
        dice = random.Random(7)
        schools = [each.code for each in lab.city.schools for _ in range(campaign(3, VIEWERS))]
        await asyncio.gather(*(_watch(lab, school, lessons, dice, log) for school in schools))

    for _ in range(campaign(1, 5)):
        asyncio.run(day())
    reads = Counter[str]()
    for lesson in lessons:
        reads.update(lab.reads(lesson))
    found, best = offload(log, sum(count * (size_of(path) or 0) for path, count in reads.items()))
    assert found >= 0.99 * best
    again = sum(reads.values()) - len(reads)
    proof(
        f"byte offload of {len(log)} requests in six schools, from the request log",
        f"{found:.4f}, the best possible is {best:.4f} ({found / best:.4f} of it); {again} of {sum(reads.values())} reads were a second",
    )


def test_offload_is_judged_by_bytes_and_by_the_fewest_reads() -> None:
    log = [Row("a", "/x", 10), Row("b", "/x", 10), Row("a", "/y", 20)]
    assert offload(log, 30) == (0.25, 0.25)
    assert offload(log, 40) == (0.0, 0.25)
