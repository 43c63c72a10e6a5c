"""Every classroom of a school on one live lesson behind a 20 Mbit/s link: nobody's picture stands still."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import LiveClass
from tests.cdn import traces
from tests.cdn.players import BEHIND_SEGMENTS, LivePlayer, play

pytestmark = [pytest.mark.integration, pytest.mark.proof]
CLASSROOMS, MBPS, HEIGHT = 30, 20, 720
"""From the design: 30 classrooms at 720p are 90 Mbit/s without a cache in the school."""


def narrow(lab: Lab) -> str:
    """The school with such a link."""
    (found,) = (each.code for each in lab.city.schools if each.uplink and each.uplink.contracted_mbps == MBPS)
    return found


def test_thirty_classrooms_watch_one_live_lesson_over_20_mbit_without_a_stall(
    lab: Lab, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    code, minutes = narrow(lab), campaign(1, 10)
    count = minutes * 60 // lab.city.live.segment_seconds
    began = time.time() - BEHIND_SEGMENTS * lab.city.live.segment_seconds
    lesson = LiveClass(lab.city, "live", count, int(began * 1000))
    rung = lesson.rung(HEIGHT)
    playlist = lesson.playlist(rung)
    players = [LivePlayer(lab.door(code), cookie(code, lesson), [playlist], lesson.seconds) for _ in range(CLASSROOMS)]
    late = play(players)
    picture = traces.keep("classrooms", players, f"{CLASSROOMS} classrooms, one live lesson, {MBPS} Mbit/s")
    reads = lab.reads(lesson)
    asked = reads.pop(playlist)
    assert not [path for each in players for path in each.wrong]
    assert not sum(each.missed for each in players)
    assert max(each.buffer.stalled for each in players) <= late, traces.words(players)
    assert reads == dict.fromkeys(lesson.paths(rung), 1), "each segment is read once"
    assert asked <= minutes * 60 + 1, "and the playlist once a second, however many ask for it"
    given = sum(each.bytes for each in players) * 8 / 1e6
    behind = sorted(seconds for each in players for seconds in each.behind)
    proof(
        f"{CLASSROOMS} classrooms on one live class of {minutes} min at {rung.video_kbps} kbit/s, {MBPS} Mbit/s link, by its playlist",
        f"{traces.words(players)}; {sum(len(each.failed) for each in players)} tries repeated; "
        f"{statistics.median(behind):.1f} s behind the teacher (median; {behind[-1]:.1f} at most); "
        f"{given:.0f} Mbit watched, each segment read once and the playlist {asked} times ({picture})",
    )
