"""Playlists of the kit's own packager are read as they are meant, and a cut segment is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import media
from services.packager import playlists
from services.packager.playlists import Segment, Track

SOUND = Track("sound", playlists.AAC_LC, tuple(Segment(f"{n}.m4s", 6.0, 72_000, "") for n in range(3)))
SMALL, LARGE = (
    Track(name, "avc1.64001f", tuple(Segment(f"{n}.m4s", 6.0, size, "") for n in range(3)), 640, 360, 30)
    for name, size in (("small", 300_000), ("large", 2_000_000))
)
PATH = "/lessons/l-x/abc/master.m3u8"
BODIES = st.lists(st.binary(max_size=300), min_size=1, max_size=5)


def boxes(bodies: list[bytes]) -> bytes:
    return b"".join((len(body) + 8).to_bytes(4) + b"mdat" + body for body in bodies)


def test_the_master_playlist_names_renditions_by_rising_rate_and_the_sound() -> None:
    master = media.master(playlists.master((LARGE, SMALL), SOUND), PATH)
    assert [each.path for each in master.variants] == [
        "/lessons/l-x/abc/small/index.m3u8",
        "/lessons/l-x/abc/large/index.m3u8",
    ]
    assert master.variants[1].bandwidth == LARGE.peak + SOUND.peak
    assert master.sound == "/lessons/l-x/abc/sound/index.m3u8"


@pytest.mark.parametrize(
    ("rendition", "kept"),
    [(None, ["small", "large"]), ("small", ["small"]), ("large", ["small", "large"]), ("no-such", ["small", "large"])],
)
def test_a_player_keeps_to_the_rendition_that_it_is_told_and_to_none_that_is_not_there(
    rendition: str | None, kept: list[str]
) -> None:
    found = media.master(playlists.master((LARGE, SMALL), SOUND), PATH).up_to(rendition)
    assert [each.path.split("/")[4] for each in found.variants] == kept
    assert found.sound


def test_a_lesson_without_sound_has_none() -> None:
    assert media.master(playlists.master((SMALL,), None), PATH).sound is None


def test_a_media_playlist_is_its_start_and_its_segments() -> None:
    track = media.track(playlists.media(SMALL), "/lessons/l-x/abc/small/index.m3u8")
    assert track.start == "/lessons/l-x/abc/small/init.mp4"
    assert track.segments == tuple(media.Segment(f"/lessons/l-x/abc/small/{n}.m4s", 6.0) for n in range(3))


@pytest.mark.parametrize("text", ["", "#EXTM3U\n", "<html>502</html>"])
def test_an_answer_that_is_no_playlist_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="playlist"):
        media.master(text, PATH)
    with pytest.raises(ValueError, match="playlist"):
        media.track(text, PATH)


@given(BODIES)
def test_a_whole_segment_is_whole(bodies: list[bytes]) -> None:
    assert media.whole(boxes(bodies))


@given(BODIES, st.data())
def test_a_cut_segment_is_not_whole(bodies: list[bytes], data: st.DataObject) -> None:
    body = boxes(bodies)
    cut = data.draw(st.integers(0, len(body) - 1))
    edges = {len(boxes(bodies[:n])) for n in range(1, len(bodies))}
    assert media.whole(body[:cut]) == (cut in edges)


def test_padding_and_other_files_are_not_whole() -> None:
    assert not media.whole(boxes([b"x"]) + b"\0")
    assert not media.whole(b"<html>bad gateway</html>")
    assert not media.whole(b"")


def test_a_box_with_a_64_bit_size_is_read() -> None:
    assert media.whole((1).to_bytes(4) + b"mdat" + (20).to_bytes(8) + b"abcd")
