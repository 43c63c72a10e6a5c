"""Captions in the master playlist."""

from __future__ import annotations

from services.packager.captions import listed, playlist
from services.packager.playlists import Segment, Track, master

ONE = (Segment("00000.m4s", 6.0, 60_000, "a"),)
PLAIN = master((Track("r/v", "avc1.640020", ONE, 640, 360, 25),), Track("r/sound", "mp4a.40.2", ONE))
KEY = "l-x/h/master.m3u8"
ZH = {"lang": "zh", "name": "中文", "path": "l-x/h/r/captions-zh-1.m3u8"}
EN = {"lang": "en", "name": 'Eng"lish', "path": "l-x/h/old/captions-en-2.m3u8"}


def test_each_language_is_listed_and_every_variant_points_to_them() -> None:
    lines = listed(PLAIN, KEY, [ZH, EN]).splitlines()
    rows = [line for line in lines if "TYPE=SUBTITLES" in line]
    assert ['LANGUAGE="zh"' in rows[0], 'URI="r/captions-zh-1.m3u8"' in rows[0]] == [True, True]
    assert ['NAME="Eng\'lish"' in rows[1], 'URI="old/captions-en-2.m3u8"' in rows[1]] == [True, True]
    variants = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]
    assert len(variants) == 2
    assert all(line.endswith(',SUBTITLES="captions"') for line in variants)
    assert max(lines.index(row) for row in rows) < min(lines.index(row) for row in variants)


def test_captions_that_go_leave_the_master_as_it_was() -> None:
    assert listed(listed(PLAIN, KEY, [ZH, EN]), KEY, []) == PLAIN


def test_listing_twice_lists_once() -> None:
    once = listed(PLAIN, KEY, [ZH])
    assert listed(once, KEY, [ZH]) == once


def test_the_playlist_of_captions_is_one_segment_as_long_as_the_film() -> None:
    lines = playlist("captions-zh-1.vtt", 61.2).splitlines()
    assert "#EXT-X-TARGETDURATION:62" in lines
    assert lines[lines.index("#EXTINF:61.20000,") + 1] == "captions-zh-1.vtt"
    assert lines[-1] == "#EXT-X-ENDLIST"
