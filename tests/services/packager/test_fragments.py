"""The clock inside the segments."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from services.packager import fragments
from services.packager.encode import COMMON, FRAGMENTED


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with B-frames, a fragment every two seconds."""
    target = tmp_path_factory.mktemp("fragments") / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=6"]
    codec = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-g",
        "50",
        "-keyint_min",
        "50",
        "-sc_threshold",
        "0",
        "-flags",
        "+global_header",
    ]
    out = ["-video_track_timescale", "25000", *FRAGMENTED, f"{COMMON}+frag_keyframe", str(target)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source, *codec, *out], check=True)
    return target


def _numbers(data: bytes) -> tuple[int, int, int]:
    """Sequence number, first tick and first composition offset of a fragment."""
    number = struct.unpack_from(">I", data, data.index(b"mfhd") + 8)[0]
    tick = struct.unpack_from(">Q", data, data.index(b"tfdt") + 8)[0]
    trun = data.index(b"trun") + 4
    flags = struct.unpack_from(">I", data, trun)[0] & 0xFFFFFF
    at = (
        trun
        + 8
        + 4 * bool(flags & 1)
        + 4 * bool(flags & 4)
        + 4 * sum(bool(flags & flag) for flag in (0x100, 0x200, 0x400))
    )
    return number, tick, struct.unpack_from(">i", data, at)[0]


def test_the_first_picture_is_shown_when_its_fragment_begins(fragmented: Path) -> None:
    _, parts = fragments.split(fragmented, 0, 1)
    assert [_numbers(part.data) for part in parts] == [(1, 0, 0), (2, 50_000, 0), (3, 100_000, 0)]


def test_a_later_chunk_continues_the_clock_and_the_numbers(fragmented: Path) -> None:
    _, parts = fragments.split(fragmented, 60 * 25_000, 61)
    assert [_numbers(part.data)[:2] for part in parts] == [(61, 1_500_000), (62, 1_550_000), (63, 1_600_000)]


def test_samples_and_ticks_are_counted(fragmented: Path) -> None:
    _, parts = fragments.split(fragmented, 0, 1)
    assert [(part.samples, part.ticks) for part in parts] == [(50, 50_000)] * 3


def test_the_header_names_the_codec(fragmented: Path) -> None:
    header, _ = fragments.split(fragmented, 0, 1)
    assert header[4:8] == b"ftyp"
    assert fragments.avc_codec(header).startswith("avc1.64")


def test_a_cut_file_is_refused(fragmented: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(fragmented.read_bytes()[:-10])
    with pytest.raises(ValueError, match="damaged"):
        fragments.split(cut, 0, 1)
