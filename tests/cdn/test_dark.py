"""With the origin dark, every level goes on giving what it holds."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.cdn.lab import Lab, cookie
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.request import ask
from tests.cdn.players import Player, play

pytestmark = [pytest.mark.integration, pytest.mark.proof]


def fill(lab: Lab, code: str, lesson: Lesson, path: str) -> None:
    """The school's cache holds the segment."""
    assert ask(lab.door(code), path, cookie(code, lesson)).data == body(path, lesson.size(lesson.rung(0)))


def test_cached_lessons_play_on_while_the_origin_is_dark(
    lab: Lab, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    seconds = campaign(6, 600)
    holder, stranger = lab.city.schools[0].code, lab.city.schools[1].code
    lesson = Lesson(lab.city, "dark", 2 + seconds // lab.city.packaging.segment_seconds)
    paths = lesson.paths(lesson.rung(0))
    for path in paths:
        fill(lab, holder, lesson, path)
    lab.stop_origin()
    began = time.monotonic()
    # One school has the lesson itself, in another it comes from the levels above.
    players = [
        Player(lab.door(code), cookie(code, lesson), paths, lesson.seconds)
        for code in (holder, stranger)
        for _ in range(4)
    ]
    late = play(players, lambda: time.sleep(max(0.0, seconds - (time.monotonic() - began))))
    assert not [fault for each in players for fault in (*each.wrong, *each.failed)]
    assert all(each.buffer.loaded > 0 and each.buffer.stalled <= late for each in players)
    missing = Lesson(lab.city, "dark, and nobody has it", 1)
    answer = ask(lab.door(holder), missing.path(missing.rung(0), 0), cookie(holder, missing))
    assert answer.status in {502, 504}, "in words, not in silence"
    lab.start_origin()
    proof(
        f"origin dark for {seconds} s, lesson held by one school's cache and the levels above",
        f"{len(players)} players in two schools, 0 segments failed, 0 stood still",
    )


def test_a_school_whose_link_is_cut_plays_what_its_cache_holds(lab: Lab, proof: Callable[[str, str], None]) -> None:
    code = lab.city.schools[-1].code
    lesson = Lesson(lab.city, "cut off", 2)
    path, other = lesson.paths(lesson.rung(0))
    fill(lab, code, lesson, path)
    lab.cut(code)
    assert ask(lab.door(code), path, cookie(code, lesson)).data == body(path, lesson.size(lesson.rung(0)))
    assert ask(lab.door(code), path).status == 403, "the same permissions hold"
    assert ask(lab.door(code), other, cookie(code, lesson)).status in {502, 504}
    lab.join(code)
    proof("school cut off from the city", "what its cache holds is given to holders of a token, refused to others")
