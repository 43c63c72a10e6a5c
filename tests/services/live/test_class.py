"""A class that is streamed, as a process against a real store: what players find while it lasts, and when it has ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import m3u8
import pytest

from services.packager import index
from services.packager.store import IMMUTABLE
from tests.media import Store, download
from tests.services.live.classes import LESSON, TRACKS, WORD, Class, late, running, teaching


@dataclass
class Story:
    """A class from its first second to its recording: the teacher's link drops once, then the service is killed, then class ends."""

    live: Class
    playlists: dict[str, list[Any]] = field(default_factory=lambda: {track: [] for track in TRACKS})
    records: list[dict[str, Any]] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    latency: timedelta = timedelta.max
    code: int = -1

    def look(self) -> None:
        """Note what a player finds now."""
        for track in TRACKS:
            self.playlists[track].append(self.live.playlist(track))
        self.records.append(self.live.record())
        self.listed.append(self.live.lessons.read_json(index.KEY) or {})


@pytest.fixture(scope="module")
def story(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running(store, tmp_path_factory.mktemp("story")) as live:
        found = Story(live)
        with teaching(live.port):
            live.wait(lambda: live.said('"live"') and live.segments() >= 3)
            found.look()
            newest = live.playlist("v360-365")
            assert newest and newest.segments[-1].program_date_time
            found.latency = late(newest.segments[-1].program_date_time)
        live.wait(lambda: live.said('"disconnected"'))
        before = live.segments()
        with teaching(live.port):
            live.wait(lambda: live.segments() >= before + 2)
            found.look()
            live.send(signal.SIGKILL)
            live.finish()
        before = live.segments()
        live.start()
        with teaching(live.port):
            live.wait(lambda: live.segments() >= before + 2)
            live.send(signal.SIGTERM)
            found.code = live.finish()
            found.look()
        yield found


def names(playlist: Any) -> list[str]:
    return [segment.uri for segment in playlist.segments]


def test_it_is_listed_as_live_once_there_is_something_to_play(story: Story) -> None:
    record = story.records[0]
    assert record["live"]["state"] == "live" and record["live"]["recorded"] is True
    assert record["master"] == record["live"]["master"] == f"{LESSON}/live/master.m3u8"
    (row,) = story.listed[0]["lessons"]
    assert (row["id"], row["live"]["state"]) == (LESSON, "live")


def test_the_master_playlist_names_every_track_and_each_one_is_there(story: Story) -> None:
    found = story.live.lessons.get(f"{LESSON}/live/master.m3u8")
    assert found
    master: Any = m3u8.loads(found[0].decode())
    pictures = [row for row in master.playlists if row.stream_info.resolution]
    assert [row.uri for row in pictures] == [f"{track}/index.m3u8" for track in TRACKS[:-1]]
    assert [row.uri for row in master.media] == ["sound/index.m3u8"]
    assert {row.stream_info.resolution for row in pictures} == {(416, 234), (640, 360)}
    assert all(row.stream_info.codecs.startswith("avc1.64") for row in pictures)


@pytest.mark.parametrize("track", TRACKS)
def test_segments_follow_on_each_other_with_their_time_of_day(story: Story, track: str) -> None:
    segments = story.playlists[track][0].segments
    for one, next_ in pairwise(segments):
        assert next_.uri == one.uri.replace(one.uri[-9:-4], f"{int(one.uri[-9:-4]) + 1:05d}")
        gap = next_.program_date_time - one.program_date_time
        assert gap.total_seconds() == pytest.approx(one.duration, abs=0.002)
    assert all(segment.duration == pytest.approx(1, abs=0.03) for segment in segments)


def test_the_time_of_day_is_the_teacher_s_now(story: Story) -> None:
    assert timedelta(0) < story.latency < timedelta(seconds=30), "of a segment of one second on a busy machine"


def test_playlists_are_a_second_old_at_most_and_segments_for_good(story: Story) -> None:
    s3, name = story.live.lessons.s3, story.live.lessons.name
    segment = f"{LESSON}/live/sound/{names(story.playlists['sound'][0])[0]}"
    wanted = {f"{LESSON}/live/sound/index.m3u8": "public, max-age=1", segment: IMMUTABLE}
    assert {key: s3.head_object(Bucket=name, Key=key)["CacheControl"] for key in wanted} == wanted


@pytest.mark.parametrize("track", TRACKS)
def test_a_teacher_who_comes_back_and_a_service_that_is_killed_are_a_break_each(story: Story, track: str) -> None:
    first, second, last = story.playlists[track]
    assert names(last)[: len(names(first))] == names(first)
    assert [segment.discontinuity for segment in first.segments] == [False] * len(first.segments)
    assert sum(segment.discontinuity for segment in second.segments) == 1
    assert sum(segment.discontinuity for segment in last.segments) == 2
    assert len({segment.init_section.uri for segment in last.segments}) == 3


@pytest.mark.parametrize("track", TRACKS)
def test_every_run_decodes_without_an_error(story: Story, track: str, tmp_path: Path) -> None:
    folder = download(story.live.lessons, f"{LESSON}/live/{track}/", tmp_path) / LESSON / "live" / track
    for run in {name.split("-")[0] for name in names(story.playlists[track][-1])}:
        whole = tmp_path / "whole.mp4"
        whole.write_bytes(
            b"".join(file.read_bytes() for file in [folder / f"{run}-init.mp4", *sorted(folder.glob(f"{run}-0*"))])
        )
        words = ["ffmpeg", "-v", "error", "-xerror", "-i", str(whole), "-f", "null", "-"]
        done = subprocess.run(words, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_class_ends_for_every_player(story: Story) -> None:
    assert story.code == 0, story.live.log.read_text()
    assert [story.playlists[track][-1].is_endlist for track in TRACKS] == [True] * 3
    assert not any(playlist.is_endlist for track in TRACKS for playlist in story.playlists[track][:-1])
    assert story.records[-1]["live"]["state"] == "ended"


def test_the_recording_of_all_runs_is_a_lesson_under_the_same_id(story: Story) -> None:
    record, last = story.records[-1], story.playlists["v360-365"][-1]
    assert record["master"] == f"{LESSON}/{record['content_hash']}/master.m3u8"
    assert record["published"] == record["live"]["started"]
    lasted = sum(segment.duration for segment in last.segments)
    assert record["seconds"] == pytest.approx(lasted, abs=5), "a run's last second is on its way when it is cut off"
    assert "recording" not in record["live"], "all of it is as it came in"
    (row,) = story.listed[-1]["lessons"]
    assert (row["master"], row["live"]["state"]) == (record["master"], "ended")


def test_the_passphrase_is_in_no_log_and_no_object(story: Story, tmp_path: Path) -> None:
    assert WORD not in story.live.log.read_text()
    for file in download(story.live.lessons, "", tmp_path).rglob("*"):
        assert not file.is_file() or WORD.encode() not in file.read_bytes()


def test_a_link_that_is_lost_for_too_long_ends_class_without_anybody_s_doing(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, rejoin_seconds=1, recorded=False) as live:
        with teaching(live.port, word="not the passphrase", seconds=5) as stranger:
            assert stranger.wait(30) != 0
        assert live.segments() == 0
        with teaching(live.port, sound=False):
            live.wait(lambda: live.said('"live"') and live.segments() >= 2)
            assert not list((live.work / "parts").iterdir()), "its volume has no room for what nobody keeps"
        assert live.finish() == 0, live.log.read_text()
        assert [bool(found and found.is_endlist) for found in map(live.playlist, TRACKS)] == [True] * 3
        assert live.record()["live"]["state"] == "ended"
        assert "content_hash" not in live.record(), "nothing was to be recorded"
        assert live.record()["live"]["recorded"] is False


def test_a_class_to_which_nobody_comes_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path) as live:
        live.send(signal.SIGTERM)
        assert live.finish() == 0, live.log.read_text()
        assert list(live.lessons.objects("")) == []


def test_a_sound_that_is_announced_and_never_sent_is_streamed_as_silence_and_costs_no_recording(
    store: Store, tmp_path: Path
) -> None:
    with running(store, tmp_path) as live:
        with teaching(live.port, mute=True):
            live.wait(lambda: live.said('"live"') and live.segments() >= 2)
        assert live.said("announces a sound and holds none")
        assert [bool(found and found.segments) for found in map(live.playlist, TRACKS)] == [True] * 3
        live.send(signal.SIGTERM)
        assert live.finish() == 0, live.log.read_text()
        assert "content_hash" in live.record()
