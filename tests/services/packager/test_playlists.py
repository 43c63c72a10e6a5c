"""The playlists' figures."""

from __future__ import annotations

from services.packager.playlists import Segment, Track, master, media

TWO = (Segment("00000.m4s", 6.0, 60_000, "a"), Segment("00001.m4s", 1.0, 20_000, "b"))


def test_the_mean_counts_every_byte_and_second() -> None:
    assert Track("x", "avc1.640020", TWO).average == 91_429


def test_a_short_last_segment_does_not_make_the_peak() -> None:
    assert Track("x", "avc1.640020", TWO).peak == 80_000
    assert Track("x", "avc1.640020", (TWO[0], Segment("b", 3.0, 60_000, ""))).peak == 160_000


def test_a_media_playlist_lists_every_segment_and_ends() -> None:
    lines = media(Track("x", "avc1.640020", TWO)).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert lines[lines.index("#EXTINF:6.00000,") + 1] == "00000.m4s"
    assert "#EXT-X-TARGETDURATION:6" in lines


def test_the_target_duration_is_never_below_a_rounded_segment() -> None:
    assert "#EXT-X-TARGETDURATION:6\n" in media(Track("x", "c", (Segment("a", 6.016, 1, ""),)))
    assert "#EXT-X-TARGETDURATION:1\n" in media(Track("x", "c", (Segment("a", 0.04, 1, ""),)))


def test_the_rates_of_a_rendition_contain_its_sound() -> None:
    video, sound = Track("r/v", "avc1.640020", TWO, 640, 360, 25), Track("r/sound", "mp4a.40.2", TWO)
    assert f"BANDWIDTH={video.peak},AVERAGE-BANDWIDTH={video.average}" in master((video,), None)
    text = master((video,), sound)
    assert f"BANDWIDTH={video.peak * 2},AVERAGE-BANDWIDTH={video.average * 2}" in text
    assert 'URI="r/sound/index.m3u8"' in text
