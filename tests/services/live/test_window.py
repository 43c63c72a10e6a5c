"""A live playlist: what is listed, what is counted, and the same again after a crash."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.live.window import Item, Window, read
from services.packager.errors import PackagingError

NOON = datetime(2026, 10, 15, 4, 0, tzinfo=UTC)


def item(number: int, *, breaks: bool = False, run: str = "r1") -> Item:
    return Item(f"{run}-{number:05d}.m4s", 2.0, f"{run}-init.mp4", NOON + timedelta(seconds=2 * number), breaks)


def filled(count: int, size: int = 6, breaks: frozenset[int] = frozenset()) -> Window:
    found = Window(size, 2)
    for number in range(count):
        run = f"r{sum(each <= number for each in breaks)}"
        found.add(item(number, breaks=number in breaks, run=run))
    return found


def test_the_oldest_segment_goes_and_is_counted() -> None:
    playlist: Any = m3u8.loads(filled(10).text())
    assert (playlist.media_sequence, len(playlist.segments)) == (4, 6)
    assert playlist.segments[0].uri == "r0-00004.m4s"
    assert not playlist.is_endlist


def test_a_break_that_is_listed_no_more_is_counted() -> None:
    breaks = frozenset({2, 7})
    assert [filled(count, breaks=breaks).breaks for count in (8, 9, 13, 14)] == [0, 1, 1, 2]
    playlist: Any = m3u8.loads(filled(9, breaks=breaks).text())
    assert (playlist.discontinuity_sequence, [each.discontinuity for each in playlist.segments].count(True)) == (1, 1)


def test_every_run_has_its_own_header_and_the_first_listed_one_always_says_which() -> None:
    playlist: Any = m3u8.loads(filled(9, breaks=frozenset({5})).text())
    assert [each.init_section.uri for each in playlist.segments] == ["r0-init.mp4"] * 2 + ["r1-init.mp4"] * 4


def test_players_see_the_time_of_day_of_every_segment() -> None:
    playlist: Any = m3u8.loads(filled(3).text())
    assert [each.program_date_time for each in playlist.segments] == [NOON + timedelta(seconds=2 * n) for n in range(3)]


@given(st.integers(0, 30), st.integers(6, 12), st.frozensets(st.integers(0, 30)), st.booleans())
def test_what_was_written_is_read_again(count: int, size: int, breaks: frozenset[int], ended: bool) -> None:
    found = filled(count, size, breaks)
    found.ended = ended
    assert read(found.text(), size, 2) == found


@pytest.mark.parametrize("text", ["#EXT-X-MEDIA-SEQUENCE:x", "#EXT-X-MAP:URI=", "#EXTINF:abc,\nx.m4s"])
def test_what_is_no_playlist_of_ours_is_refused(text: str) -> None:
    with pytest.raises(PackagingError, match="cannot be read"):
        read(text, 6, 2)
