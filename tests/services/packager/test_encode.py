"""What ffmpeg makes of a film whose sound is not whole."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from services.packager import encode, ffmpeg
from services.packager.probe import probe
from services.packager.request import parse
from tests.media import wanted

SECONDS = 8


def samples(file: Path) -> int:
    """How many samples of sound a file holds, whenever they are to be heard."""
    words = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "a",
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
    ]
    done = subprocess.run([*words, "-of", "csv=p=0", str(file)], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


def test_a_moment_of_sound_that_is_missing_puts_no_silence_into_the_middle(tmp_path: Path) -> None:
    whole, file, target = tmp_path / "whole.mkv", tmp_path / "file.mkv", tmp_path / "sound.mp4"
    # 48 kHz, as nearly all cameras have: sound of another rate was never moved.
    inputs = [
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s=64x36:r=10:d={SECONDS}",
        "-f",
        "lavfi",
        "-i",
        f"sine=r=48000:d={SECONDS}",
    ]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, "-c:a", "aac", str(whole)], check=True)
    words = ["-i", str(whole), "-c", "copy", "-bsf:a", "noise=drop=eq(n\\,200)", str(file)]
    subprocess.run(["ffmpeg", "-v", "error", *words], check=True)
    ffmpeg.run(encode.audio(parse(json.dumps(wanted("0" * 64))), probe(file, 25), target))
    assert samples(target) == pytest.approx(SECONDS * encode.SAMPLE_RATE, rel=0.01)
