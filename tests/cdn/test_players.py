"""The buffer model plays what it has, and stands still without it."""

from __future__ import annotations

from benchmarks.cdn.request import Place
from tests.cdn.players import Buffer, Player
from tests.cdn.traces import COLOURS, COLUMNS, drawing, lines, words


def test_a_buffer_plays_in_real_time_and_stands_still_when_it_is_empty() -> None:
    buffer = Buffer()
    buffer.advance(5)
    assert buffer.trace == [], "before the first segment nothing stands still"
    buffer.add(10, 6)
    buffer.advance(13)
    assert (buffer.seconds, buffer.stalled) == (3, 0)
    buffer.add(18, 6)
    assert (buffer.seconds, buffer.stalled, buffer.played) == (6, 2, 6)


def test_a_drawing_shows_the_lowest_buffer_and_the_median_one() -> None:
    steady, emptied = [(0.0, 6.0), (10.0, 6.0)], [(0.0, 6.0), (5.0, 0.0), (10.0, 6.0)]
    drawn = lines([steady, steady, emptied], 10.0)
    assert set(drawn["median"]) == {6.0}
    assert (drawn["lowest"][0], drawn["lowest"][COLUMNS // 2], drawn["lowest"][-1]) == (6.0, 0.0, 6.0)
    picture = drawing([steady, emptied], "two")
    assert all(picture.count(f'stroke="{colour}"') == 1 for colour in COLOURS.values())


def test_words_say_who_stood_still_and_how_low_it_came() -> None:
    place = Place("space", "127.0.0.1", 443, "host", tls=True)
    players = [Player(place, {}, [], 6) for _ in range(2)]
    for each in players:
        each.buffer.add(1, 6)
        each.buffer.add(3, 6)
    assert words(players).startswith("2 players, 0 stood still; lowest buffer 4.0 s")
