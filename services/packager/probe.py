"""What the upload is, by ffprobe: the one place that decides whether a file is a video."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .errors import RETRY, PackagingError

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg"
"""Containers that are opened. Playlist formats are left out on purpose: they make ffmpeg read other files and hosts."""

INPUT_LIMITS = ("-protocol_whitelist", "file", "-format_whitelist", FORMATS)
"""Arguments before every ``-i``: one local file of a known container, nothing it refers to."""

SEEKABLE = ("mov", "matroska")
"""Containers with an index, in which a seek lands exactly on the keyframe before; others are rewritten into one first."""

PROBE_SECONDS = 120
"""What reading a film's head takes at most; over a school's link from another machine's disk it may not end at all."""

INTERLACED = ("tt", "bb", "tb", "bt")


@dataclass(frozen=True)
class Source:
    """A video as it is shown: size in square pixels after rotation, whole frames a second, length in seconds."""

    path: Path
    width: int
    height: int
    fps: int
    seconds: float
    has_audio: bool
    seekable: bool
    interlaced: bool


def _run_ffprobe(path: Path) -> dict[str, Any]:
    command = [
        "ffprobe",
        "-v",
        "error",
        *INPUT_LIMITS,
        "-print_format",
        "json",
        "-show_format",
        "-show_streams",
        "-i",
        str(path),
    ]
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PROBE_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        message = (
            f"the file could not be read within {PROBE_SECONDS} s: copy it to a disk of this machine, or try again"
        )
        raise PackagingError(message, RETRY) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].split(": ")[-1]
        raise PackagingError(f"the file is not a video that can be read (ffprobe: {reason})")
    return dict(json.loads(done.stdout))


def whole_fps(rate: Fraction, limit: int) -> int:
    """The nearest whole rate, at most ``limit``.

    With whole rates every keyframe stands exactly on its second; 29.97 becomes 30 by one doubled frame in 33 s.
    """
    return min(limit, max(1, round(rate)))


def _shown_size(stream: dict[str, Any]) -> tuple[int, int]:
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    aspect = str(stream.get("sample_aspect_ratio") or "1:1").replace(":", "/")
    pixel = Fraction(aspect) if not aspect.startswith("0/") and not aspect.endswith("/0") else Fraction(1)
    rotation = [int(side.get("rotation", 0)) for side in stream.get("side_data_list", [])]
    width = round(width * pixel)
    return (height, width) if any(turn % 180 for turn in rotation) else (width, height)


def _rate(stream: dict[str, Any]) -> Fraction:
    for key in ("avg_frame_rate", "r_frame_rate"):
        text = str(stream.get(key) or "0/0")
        if not text.endswith("/0") and Fraction(text) > 0:
            return Fraction(text)
    return Fraction(25)


def probe(path: Path, fps_limit: int) -> Source:
    """The video at ``path``; raises :class:`PackagingError` when it is none."""
    found = _run_ffprobe(path)
    streams = found.get("streams", [])
    pictures = [
        s for s in streams if s.get("codec_type") == "video" and not s.get("disposition", {}).get("attached_pic")
    ]
    if not pictures:
        raise PackagingError("the file is not a video: it holds no moving picture")
    video = pictures[0]
    seconds = float(video.get("duration") or found["format"].get("duration") or 0)
    width, height = _shown_size(video)
    if seconds <= 0 or not width or not height:
        raise PackagingError("the file is not a video: it has no length or no picture size")
    rate = _rate(video)
    if seconds * rate < 2:  # noqa: PLR2004 - one frame is a picture
        raise PackagingError("the file is a picture, not a video: it has one frame")
    return Source(
        path=path,
        width=width,
        height=height,
        fps=whole_fps(rate, fps_limit),
        seconds=seconds,
        has_audio=any(s.get("codec_type") == "audio" for s in streams),
        seekable=found["format"].get("format_name", "").split(",")[0] in SEEKABLE,
        interlaced=video.get("field_order") in INTERLACED,
    )
