"""Classes whose disk is lost, or was too small: what came in is gone, and the lesson has what was streamed live."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from services.live.joining import SOUND_KBPS
from services.live.recording import AHEAD
from services.live.request import parse
from services.packager import index
from services.packager.disk import MIB
from tests.media import Store, download
from tests.services.live.classes import LESSON, Class, request, running, teaching

BLUE, RED = "color=c=blue:s=640x360", "color=c=red:s=1280x720"
"""What teachers show, so that the lesson's pictures say which of them it was."""


def film(live: Class, folder: Path) -> Path:
    """The largest rendition of the lesson that was packaged, in one file."""
    record = live.record()
    assert "content_hash" in record, live.log.read_text()
    media = record["master"].removesuffix("master.m3u8")
    at = download(live.lessons, media, folder) / media / record["recipe"] / record["renditions"][-1]["name"]
    target = folder / "film.mp4"
    target.write_bytes(b"".join(each.read_bytes() for each in [at / "init.mp4", *sorted(at.glob("*.m4s"))]))
    return target


def shown(live: Class, folder: Path) -> list[tuple[str, int]]:
    """The colours of the lesson's pictures in order, and how many pictures each; whatever cannot be decoded is an error."""
    words = ["ffmpeg", "-v", "error", "-xerror", "-i", str(film(live, folder)), "-vf", "scale=1:1", "-pix_fmt", "rgb24",
             "-f", "rawvideo", "-"]  # fmt: skip
    data = subprocess.run(words, capture_output=True, check=True).stdout
    colours = ["red" if data[at] > data[at + 2] else "blue" for at in range(0, len(data), 3)]
    return [(colour, len(list(each))) for colour, each in groupby(colours)]


def streamed(live: Class) -> float:
    """Seconds that viewers could see, and that they were just about to be told of: segments are a second long but for a run's last."""
    listed = live.playlist("v360-365").segments
    there = [key for key, _, _ in live.lessons.objects(f"{LESSON}/live/v360-365/") if key.endswith(".m4s")]
    return float(sum(segment.duration for segment in listed)) + len(there) - len(listed)


def warned(live: Class, text: str) -> int:
    """How many lines of the log warn of it."""
    return sum(text in json.loads(line).get("warning", "") for line in live.log.read_text().splitlines())


def test_a_recording_that_is_lost_with_its_node_is_what_was_streamed(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path) as live:
        with teaching(live.port, picture=BLUE):
            live.wait(lambda: live.said('"live"') and live.segments() >= 7)
            live.lose()
        live.start()
        live.send(signal.SIGTERM)
        assert live.finish() == 0, live.log.read_text()
        assert shown(live, tmp_path) == [("blue", round(10 * streamed(live)))]
        record = live.record()
        assert record["sound"] and record["live"]["state"] == "ended"
        told = record["live"]["recording"]
        assert told["held_seconds"] == told["came_seconds"] == told["streamed_seconds"] == streamed(live)
        assert warned(live, "as they were streamed live, 640x360") == warned(live, "went with the pod") == 1


def test_a_recording_that_is_lost_in_part_has_the_pictures_before_and_after(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path) as live:
        with teaching(live.port, picture=BLUE, sound=False):
            live.wait(lambda: live.said('"live"') and live.segments() >= 5)
            live.lose()
        before = streamed(live)
        live.start()
        with teaching(live.port, picture=RED):
            live.wait(lambda: live.segments() >= before + 4)
            live.send(signal.SIGTERM)
            assert live.finish() == 0, live.log.read_text()
        (blue, first), (red, second) = shown(live, tmp_path)
        assert (blue, red) == ("blue", "red")
        assert abs(first - 10 * before) <= 2 and second >= 10 * (streamed(live) - before) - 1
        assert live.record()["live"]["recording"]["streamed_seconds"] == before


def test_a_node_that_is_lost_when_class_has_ended_loses_nothing_that_was_seen(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path) as live:
        with teaching(live.port, picture=BLUE):
            live.wait(lambda: live.said('"live"') and live.segments() >= 3)
            live.send(signal.SIGTERM)
            live.wait(lambda: live.said('"ended"'))
            live.lose()
        assert "content_hash" not in live.record(), "it was too late to lose it"
        for _ in range(2):
            live.start()
            assert live.finish() == 0, live.log.read_text()
        assert shown(live, tmp_path) == [("blue", round(10 * streamed(live)))]
        uploads = [key for key, _, _ in live.pair[0].objects("") if "/" not in key]
        assert uploads == [live.record()["content_hash"]], "one recording, and no second one of the second try"


def test_a_recording_that_fills_its_room_goes_on_as_it_is_streamed(store: Store, tmp_path: Path) -> None:
    asked = parse(json.dumps(request()))
    lasts = (asked.until - datetime.fromisoformat(asked.started)).total_seconds()
    room = int(lasts * (SOUND_KBPS + asked.rungs[-1].kbps) * 125) + AHEAD + 2 * MIB
    with running(store, tmp_path, room=room) as live:
        with teaching(live.port):
            live.wait(lambda: live.said("what comes in is kept no longer"))
            before, size = live.segments(), sum(file.stat().st_size for file in (live.work / "parts").iterdir())
            live.wait(lambda: live.segments() >= before + 5)
            assert sum(file.stat().st_size for file in (live.work / "parts").iterdir()) == size
        with teaching(live.port, picture=BLUE):
            live.wait(lambda: live.segments() >= before + 8)
            live.send(signal.SIGTERM)
            assert live.finish() == 0, live.log.read_text()
    told, seconds = live.record()["live"]["recording"], live.record()["seconds"]
    assert 3 < told["streamed_seconds"] < told["came_seconds"] - 3, "its first seconds are as they came in"
    assert abs(seconds - streamed(live)) < 1.5 and abs(told["held_seconds"] - seconds) < 1.5
    assert not warned(live, "the recording holds")


def test_what_nobody_has_any_more_is_said_to_be_lost(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, rejoin_seconds=2) as live:
        with teaching(live.port):
            live.wait(lambda: live.said('"live"') and live.record())
            live.lose()
        live.lessons.delete([key for key, _, _ in live.lessons.objects(f"{LESSON}/live/") if key.endswith(".m4s")])
        for _ in range(2):
            live.start()
            assert live.finish() == 0, "another try brings nothing back"
            (row,) = (live.lessons.read_json(index.KEY) or {})["lessons"]
            for found in (live.record(), row):
                assert (found["live"]["state"], found["live"]["recorded"]) == ("ended", False)
    said: list[dict[str, Any]] = [json.loads(line) for line in live.log.read_text().splitlines()]
    assert len([row for row in said if "no recording comes of this class" in row.get("error", "")]) == 2
    assert said[-1]["done"]["recorded"] is False


def test_a_class_that_is_not_recorded_is_not_recorded_by_its_stream_either(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, recorded=False) as live:
        with teaching(live.port):
            live.wait(lambda: live.said('"live"') and live.segments() >= 2)
            live.lose()
        live.start()
        live.send(signal.SIGTERM)
        assert live.finish() == 0, live.log.read_text()
        assert "content_hash" not in live.record() and not list(live.pair[0].objects(""))
