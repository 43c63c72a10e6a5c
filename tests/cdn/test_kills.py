"""A cache that is killed in the middle of a stream costs a wait that the buffer hides, and never a wrong byte."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import pytest

from benchmarks.cdn.caches import Cache
from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson, body, size_of
from benchmarks.cdn.request import ask
from derive.cache_tree import CacheLevel
from tests.cdn import traces
from tests.cdn.players import Player, play

pytestmark = [pytest.mark.integration, pytest.mark.proof]
RESTART_SECONDS = 2
"""Until a killed cache is started again: a box's unit waits so long (`RestartSec`)."""
SLOW_SECONDS = 1
"""For a segment out of the origin, so that nearly always one is on its way when a cache is killed."""
FULL_SECONDS = 15
"""In every buffer before the next cache is killed: what is asked is one fault at a time."""
SEGMENTS = 1000
"""More than anybody plays."""


def audience(lab: Lab, count: int) -> list[Player]:
    """Players in all schools; two of each five on a lesson that nobody else plays."""
    codes = [each.code for each in lab.city.schools]
    found = []
    for number in range(count):
        code = codes[number % len(codes)]
        lesson = Lesson(lab.city, f"kills {number % 5 if number % 5 < 3 else number}", SEGMENTS)
        found.append(
            Player(lab.door(code), cookie(code, lesson, exp=2**33), lesson.paths(lesson.rung(0)), lesson.seconds)
        )
    return found


def settle(players: Sequence[Player]) -> None:
    """Until every buffer is full enough again; a minute is too long."""
    deadline = time.monotonic() + 60
    while any(each.buffer.seconds < FULL_SECONDS for each in players):
        assert time.monotonic() < deadline, [each.failed[-1:] for each in players if each.buffer.seconds < FULL_SECONDS]
        time.sleep(0.1)


def kill(players: Sequence[Player], level: Sequence[Cache], rounds: int, dice: random.Random) -> None:
    """One after another, any cache of the level at any moment; each is started again."""
    for _ in range(rounds):
        settle(players)
        time.sleep(dice.uniform(0.2, 1.5))
        cache = dice.choice(level)
        cache.kill()
        time.sleep(RESTART_SECONDS)
        cache.start()
    settle(players)


def played(player: Player) -> list[str]:
    """Segments that it has loaded."""
    return list(player.paths[: int(player.buffer.loaded / player.seconds)])


@pytest.mark.parametrize("level", list(CacheLevel))
def test_a_cache_killed_mid_stream_gives_no_wrong_byte_and_nobody_stands_still(
    lab: Lab, level: CacheLevel, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    rounds, count = campaign(1, 50), campaign(8, 40)
    players, dice = audience(lab, count), random.Random(level)
    lab.told(f"/_fault?kind=slow&seconds={SLOW_SECONDS}")
    late = play(players, lambda: kill(players, lab.levels[level], rounds, dice))
    lab.told("/_reset")
    picture = traces.keep(f"kills-{level}", players, f"{count} players, {rounds} times a cache of level {level} killed")
    failed = sum(len(each.failed) for each in players)
    assert not [path for each in players for path in each.wrong]
    assert max(each.buffer.stalled for each in players) <= late, traces.words(players)
    for each in players:
        assert played(each), "everybody has played"
        for path in played(each)[:: campaign(1, 10)]:
            answer = ask(each.door, path, each.headers)
            assert answer.whole and answer.data == body(path, size_of(path) or 0), "and nothing broken was kept"
    loaded = sum(len(played(each)) for each in players)
    proof(
        f"a cache of level {level} killed {rounds} times under {count} players",
        f"{loaded} segments played, 0 wrong, {failed} tries repeated; {traces.words(players)} ({picture})",
    )
