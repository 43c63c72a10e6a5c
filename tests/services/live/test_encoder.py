"""What ffmpeg makes of a stream that is not as it began: a frame of sound that a link lost, a camera that is turned round."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from services.live.encoder import Encoder
from services.live.request import SOUND, parse
from services.packager.encode import SAMPLE_RATE, timescale
from services.packager.fragments import Fragment
from tests.services.live.classes import request
from tests.services.live.test_recording import joined, loud, parts
from tests.services.packager.test_encode import samples

ASKED = parse(json.dumps(request()))
SECONDS = 6
"""Of each piece of what is sent."""


def sent(folder: Path, *, size: str = "320x180", begin: int = 0, without: int = -1) -> bytes:
    """What a teacher's program sends from second ``begin`` on, 48 kHz sound with it, ``without`` this frame of it."""
    inputs = [
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s={size}:r=10:d={SECONDS}",
        "-f",
        "lavfi",
        "-i",
        f"sine=r=48000:d={SECONDS}",
    ]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "10", "-c:a", "aac", "-f", "matroska"]
    whole, cut = folder / f"{begin}.mkv", folder / f"{begin}.ts"
    dropped = [
        "-c",
        "copy",
        "-bsf:a",
        f"noise=drop=eq(n\\,{without})",
        "-output_ts_offset",
        str(begin),
        "-muxdelay",
        "0",
    ]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, *coded, str(whole)], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(whole), *dropped, "-f", "mpegts", str(cut)], check=True)
    return cut.read_bytes()


def encoded(data: bytes) -> dict[str, list[float]]:
    """Seconds of every segment of each track."""
    found = dict[str, list[float]]()

    def take(track: str, part: bytes | Fragment) -> None:
        if isinstance(part, Fragment):
            rate = SAMPLE_RATE if track == SOUND else timescale(ASKED.fps)
            found.setdefault(track, []).append(part.samples * 1024 / rate if track == SOUND else part.ticks / rate)

    encoder = Encoder(ASKED, take, sound=True)
    encoder.write(data)
    assert not encoder.close()
    return found


def test_a_frame_of_sound_that_the_link_lost_is_stretched_over_and_moves_nothing(tmp_path: Path) -> None:
    whole, cut = encoded(sent(tmp_path)), encoded(sent(tmp_path, without=200))
    assert sum(cut[SOUND]) == pytest.approx(sum(whole[SOUND]), abs=0.1)
    assert max(cut[SOUND]) == pytest.approx(ASKED.segment_seconds, abs=0.05)


def test_the_same_frame_moves_nothing_in_the_recording(tmp_path: Path) -> None:
    file = joined(parts(tmp_path, sent(tmp_path, without=200)))
    assert file
    assert samples(file) == pytest.approx(SECONDS * SAMPLE_RATE, rel=0.05)
    assert loud(file) == list(range(SECONDS))


def test_a_camera_that_is_turned_round_adds_no_picture_and_leaves_every_segment_as_long(tmp_path: Path) -> None:
    upright = sent(tmp_path, size="180x320", begin=SECONDS)
    found = encoded(sent(tmp_path) + upright)
    for track in ASKED.tracks[:-1]:
        assert found[track] == [ASKED.segment_seconds] * 2 * SECONDS
