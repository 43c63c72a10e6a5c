"""A segment that is not what was published is not played: neither from a disk that lies, nor from an origin that stops in the middle."""

from __future__ import annotations

import mmap
import random
import time
from collections.abc import Callable

import pytest

from benchmarks.cdn import caches
from benchmarks.cdn.caches import Cache
from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.request import Answer, Place, ask
from derive import video_token
from derive.cache_tree import CacheLevel

pytestmark = [pytest.mark.integration, pytest.mark.proof]
MARK = 64
"""Bytes by which a segment is found on the disk."""


def spoil(cache: Cache, segments: dict[str, bytes], dice: random.Random) -> int:
    """Turn one bit of each segment on the cache's disk; how many were found there."""
    found = 0
    with cache.storage().open("r+b") as file, mmap.mmap(file.fileno(), 0) as disk:
        for data in segments.values():
            at = dice.randrange(0, len(data) - MARK)
            place = disk.find(data[at : at + MARK])
            if place >= 0:
                disk[place] ^= 1
                found += 1
    return found


def flush(lab: Lab, door: Place, place: str) -> None:
    """The server writes 4 MiB at a time: after so much more, what came before is on the disk."""
    lesson = Lesson(lab.city, f"filling {door.space}", 16)
    rung = lesson.rung(360)
    for path in lesson.paths(rung):
        ask(door, path, cookie(place, lesson))
    time.sleep(2 * caches.SYNC_SECONDS)


def asked_at(lab: Lab, level: CacheLevel) -> tuple[Cache, Place, str]:
    """A cache of the level, its own door, and the place that permissions for that name."""
    school = lab.city.schools[0]
    if level is CacheLevel.SHIELD:
        return lab.shield, lab.doors[video_token.CITY], video_token.CITY
    if level is CacheLevel.EDGE:
        return lab.edges[school.district], lab.edge_door(school.district), video_token.CITY
    return lab.schools[school.code], lab.door(school.code), school.code


def judge(answers: dict[str, Answer], segments: dict[str, bytes]) -> tuple[int, int]:
    """How many came whole and right, and how many not whole; none may come whole and wrong."""
    wrong = [path for path, answer in answers.items() if answer.whole and answer.data not in (segments[path], b"ok\n")]
    assert not [path for path in wrong if answers[path].status == 200], f"{len(wrong)} corrupted segments were served"
    right = sum(answers[path].data == segments[path] for path in segments)
    return right, len(segments) - right


@pytest.mark.parametrize(
    ("level", "running"),
    [(CacheLevel.SCHOOL, False), (CacheLevel.SCHOOL, True), (CacheLevel.EDGE, True), (CacheLevel.SHIELD, True)],
)
def test_no_corrupted_segment_is_served_from_a_disk_that_lies(
    lab: Lab, level: CacheLevel, running: bool, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    (cache, door, place), count = asked_at(lab, level), campaign(12, 100)
    lesson = Lesson(lab.city, f"corruption {level} {running}", count)
    small, large = lesson.rung(0), lesson.rung(720)
    # Large ones have many more pieces on the disk than small ones: the later pieces are read when the answer has begun.
    rungs = [large if number % 5 == 0 else small for number in range(count)]
    segments = {path: body(path, lesson.size(rung)) for n, rung in enumerate(rungs) for path in [lesson.path(rung, n)]}
    token = cookie(place, lesson)

    def answers() -> dict[str, Answer]:
        return {path: ask(door, path, token) for path in segments}

    assert judge(answers(), segments) == (count, 0)
    flush(lab, door, place)
    cache.stop()
    if running:
        cache.start()
    spoilt = spoil(cache, segments, random.Random(1))
    assert spoilt >= count * 9 // 10, "they are on the disk"
    if not running:
        cache.start()
    first = judge(answers(), segments)
    assert judge(answers(), segments) == (count, 0), "what was wrong has been fetched anew"
    proof(
        f"{spoilt} segments corrupted on the disk of a {'running' if running else 'stopped'} cache of level {level}",
        f"0 served; of {count} asked for, {first[0]} came right at once (fetched anew), {first[1]} were cut off and came right then",
    )


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_file_that_ends_early_is_never_kept_as_whole(
    lab: Lab, fault: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    school, count = lab.city.schools[0].code, campaign(5, 100)
    lesson = Lesson(lab.city, f"truncated {fault}", count)
    paths = lesson.paths(lesson.rung(0))
    token = cookie(school, lesson)
    lab.told(f"/_fault?kind={fault}&match={lesson.id}")
    for path in paths:
        assert not ask(lab.door(school), path, token).whole
    lab.told("/_reset")
    for path in paths:
        assert ask(lab.door(school), path, token).data == body(path, lesson.size(lesson.rung(0)))
    assert set(lab.reads(lesson).values()) == {1}, "read anew, and then kept"
    proof(
        f"{count} segments that the origin ended early ({fault})",
        "0 given as whole, 0 kept; all right once the origin was",
    )
