"""Every classroom of a school on one live lesson behind a 20 Mbit/s link: nobody's picture stands still."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson
from tests.cdn import traces
from tests.cdn.players import Player, play

pytestmark = [pytest.mark.integration, pytest.mark.proof]
CLASSROOMS, MBPS, HEIGHT = 30, 20, 720
"""From the design: 30 classrooms at 720p are 90 Mbit/s without a cache in the school."""
BEHIND = 3
"""Segments that a player stays behind the live edge (RFC 8216, section 6.3.3)."""


def narrow(lab: Lab) -> str:
    """The school with such a link."""
    (found,) = (each.code for each in lab.city.schools if each.uplink and each.uplink.contracted_mbps == MBPS)
    return found


def test_thirty_classrooms_watch_one_live_lesson_over_20_mbit_without_a_stall(
    lab: Lab, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    code, segments = narrow(lab), campaign(6, 60)
    lesson = Lesson(lab.city, "live", segments)
    rung, began = lesson.rung(HEIGHT), time.monotonic()

    def exists(number: int) -> float:
        """The first segments are there when class begins."""
        return began + max(0, number + 1 - BEHIND) * lesson.seconds

    players = [
        Player(lab.door(code), cookie(code, lesson), lesson.paths(rung), lesson.seconds, exists)
        for _ in range(CLASSROOMS)
    ]
    late = play(players)
    picture = traces.keep("classrooms", players, f"{CLASSROOMS} classrooms, one live lesson, {MBPS} Mbit/s")
    reads = lab.reads(lesson)
    assert not [path for each in players for path in each.wrong]
    assert max(each.buffer.stalled for each in players) <= late, traces.words(players)
    assert reads == dict.fromkeys(lesson.paths(rung), 1)
    given = sum(each.bytes for each in players) * 8 / 1e6
    proof(
        f"{CLASSROOMS} classrooms on one live lesson of {segments * lesson.seconds} s at {rung.video_kbps} kbit/s, {MBPS} Mbit/s link",
        f"{traces.words(players)}; {given:.0f} Mbit watched, each segment read once ({picture})",
    )
