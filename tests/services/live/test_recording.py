"""Parts become one recording, however they were cut off."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.live.recording import joined
from services.packager.probe import probe
from tests.media import record

PACKET, SOUND = 188, 0x101
"""Bytes of a packet of MPEG-TS, and the number by which ffmpeg marks those of the sound."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of picture and sound as a teacher's program sends them."""
    target = tmp_path_factory.mktemp("source") / "source.ts"
    return record(target, seconds=3, size="320x180", rate="10", keyframes=10).read_bytes()


def parts(folder: Path, *contents: bytes) -> Path:
    (folder / "parts").mkdir()
    for number, content in enumerate(contents):
        (folder / "parts" / f"r{number}.ts").write_bytes(content)
    return folder


@pytest.mark.parametrize("share", [0.4, 0.61, 0.83, 0.99])
def test_a_part_that_was_cut_off_anywhere_is_joined_with_the_next(source: bytes, share: float, tmp_path: Path) -> None:
    whole = joined(parts(tmp_path, source[: int(len(source) * share)], source))
    assert whole
    found = probe(whole, 30)
    assert found.has_audio and found.seconds == pytest.approx(3 + 3 * share, abs=0.9)


@pytest.fixture(scope="module")
def half_a_packet(source: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The source, cut off where what is left of the sound's last packet is so little that a muxer gives up."""
    cut = tmp_path_factory.mktemp("cut") / "cut.ts"
    for end in range(len(source) // 3 // PACKET, len(source) // PACKET):
        if int.from_bytes(source[end * PACKET + 1 : end * PACKET + 3]) & 0x1FFF == SOUND:
            cut.write_bytes(source[: (end + 1) * PACKET])
            words = ["ffmpeg", "-v", "error", "-y", "-i", str(cut), "-c", "copy", "-f", "matroska", "/dev/null"]
            if subprocess.run(words, capture_output=True, check=False).returncode:
                return cut.read_bytes()
    raise AssertionError("no cut of this file stops a muxer")


def test_half_a_packet_of_sound_at_the_end_does_not_lose_the_recording(
    source: bytes, half_a_packet: bytes, tmp_path: Path
) -> None:
    whole = joined(parts(tmp_path, half_a_packet, source))
    assert whole and probe(whole, 30).seconds > 3


def test_joined_again_it_is_the_same_byte_for_byte(source: bytes, tmp_path: Path) -> None:
    folder = parts(tmp_path, source[: len(source) // 2], source)
    first = joined(folder)
    assert first
    before = first.read_bytes()
    again = joined(folder)
    assert again and again.read_bytes() == before


def test_a_part_without_a_picture_is_left_out_and_nothing_makes_nothing(source: bytes, tmp_path: Path) -> None:
    assert joined(parts(tmp_path, b"", source[:188])) is None


def test_a_sound_that_was_announced_and_never_sent_does_not_lose_the_recording(source: bytes, tmp_path: Path) -> None:
    packets = [source[at : at + PACKET] for at in range(0, len(source), PACKET)]
    mute = b"".join(each for each in packets if int.from_bytes(each[1:3]) & 0x1FFF != SOUND)
    whole = joined(parts(tmp_path, mute))
    assert whole
    found = probe(whole, 30)
    assert not found.has_audio and found.seconds == pytest.approx(3, abs=0.2)
    (tmp_path / "parts" / "r1.ts").write_bytes(source)
    both = joined(tmp_path)
    assert both and probe(both, 30).has_audio, "what came later is kept"
