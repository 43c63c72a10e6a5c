"""What ffmpeg writes is cut where it is whole, wherever the pipe cuts it."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.live import encode, srt
from services.live.encoder import parts
from services.live.request import SOUND, parse
from services.packager.encode import COMMON, FRAGMENTED
from services.packager.errors import PackagingError
from services.packager.fragments import Fragment, avc_codec
from tests.services.live.classes import request


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    target: Path = tmp_path_factory.mktemp("parts") / "f.mp4"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=3.5", "-c:v", "libx264", "-g", "10", "-bf", "0",
             "-video_track_timescale", "10000", *FRAGMENTED, f"{COMMON}+frag_keyframe", str(target)]  # fmt: skip
    subprocess.run(words, check=True)
    return target.read_bytes()


def test_a_header_and_then_every_fragment(fragmented: bytes) -> None:
    header, *rest = parts(io.BytesIO(fragmented))
    assert isinstance(header, bytes) and avc_codec(header).startswith("avc1.64")
    found = [part for part in rest if isinstance(part, Fragment)]
    assert [(part.samples, part.ticks) for part in found] == [(10, 10_000)] * 3 + [(5, 5_000)]


@pytest.mark.parametrize("lost", [1, 100, 2_000])
def test_what_was_cut_short_is_left_out(fragmented: bytes, lost: int) -> None:
    whole = list(parts(io.BytesIO(fragmented)))
    cut = list(parts(io.BytesIO(fragmented[:-lost])))
    assert cut == whole[: len(cut)]
    assert len(cut) < len(whole)


def test_every_track_has_a_pipe_and_key_frames_stand_on_segment_borders() -> None:
    asked = parse(json.dumps(request(segment_seconds=2, frames_per_second=30)))
    words = encode.command(asked, {track: number + 3 for number, track in enumerate(asked.tracks)}, sound=True)
    assert [word for word in words if word.startswith("pipe:")] == ["pipe:1", "pipe:0", "pipe:3", "pipe:4", "pipe:5"]
    assert [words[at + 1] for at, word in enumerate(words) if word == "-g"] == ["60", "60"]
    assert words[words.index("-frag_duration") + 1] == "2000000"


def test_silence_takes_the_place_of_a_sound_that_is_not_there() -> None:
    asked = parse(json.dumps(request()))
    pipes = dict.fromkeys(asked.tracks, 3)
    assert encode.SILENCE in encode.command(asked, pipes, sound=False)
    assert encode.SILENCE not in encode.command(asked, pipes, sound=True)
    assert asked.tracks[-1] == SOUND


@pytest.mark.parametrize(
    "change",
    [{"rungs": []}, {"until": "soon"}, {"about": {}}, {"segment_seconds": None}, {"id": "../x"}, {"packaging": {}}],
)
def test_a_request_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PackagingError):
        parse(json.dumps({**request(), **change}))


@pytest.mark.parametrize("length", [0, 9, 80])
def test_a_passphrase_that_srt_does_not_take_is_refused_and_none_is_never_meant(length: int) -> None:
    with pytest.raises(srt.SrtError, match="10 to 79"):
        srt.Listener(0, "x" * length)
