"""Parts become one recording, however they were cut off."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.live import joining
from services.live.covering import plan
from services.live.recording import KEPT, Recording
from services.live.request import parse
from services.packager.probe import probe
from services.packager.store import Bucket
from tests.media import record
from tests.services.live.classes import LESSON, request

PACKET, SOUND = 188, 0x101
"""Bytes of a packet of MPEG-TS, and the number by which ffmpeg marks those of the sound."""
WIDE = 16 / 9


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of picture and sound as a teacher's program sends them."""
    target = tmp_path_factory.mktemp("source") / "source.ts"
    return record(target, seconds=3, size="320x180", rate="10", keyframes=10).read_bytes()


def joined(folder: Path) -> Path | None:
    """The joined file of parts alone, in which every picture is."""
    wanted = plan(joining.contents(folder), [], WIDE)
    if not wanted.pieces:
        return None
    file, held = joining.joined(folder, wanted.pieces, lambda _: pytest.fail("nothing was streamed"))
    assert held == wanted.pictures
    return file


def made(
    target: Path, *, seconds: int, order: tuple[str, ...], codec: str = "libx264", size: str = "320x180", late: int = 0
) -> bytes:
    """What some teacher's program sends: its streams in this order, 10 pictures a second, the sound from second ``late`` on."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=10:d={seconds}"]
    inputs += ["-itsoffset", str(late), "-f", "lavfi", "-i", f"sine=f=440:d={seconds - late}"]
    maps = [word for kind in order for word in ("-map", "0:v" if kind == "v" else "1:a")]
    coded = ["-c:v", codec, "-g", "10", "-pix_fmt", "yuv420p", "-b:v", "400k", "-c:a", "aac"]
    words = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        *inputs,
        *maps,
        *coded,
        "-max_interleave_delta",
        "1",
        "-f",
        "mpegts",
        str(target),
    ]
    subprocess.run(words, check=True)
    return target.read_bytes()  # fmt: skip


def loud(file: Path) -> list[int]:
    """The seconds of a file in which something is heard; all that ffmpeg cannot decode is an error."""
    chain = ["-af", "aresample=8000:async=1:first_pts=0", "-ac", "1", "-f", "s8"]
    words = ["ffmpeg", "-v", "error", "-xerror", "-i", str(file), "-map", "0:a", *chain, "-"]
    data = subprocess.run(words, capture_output=True, check=True).stdout
    middles = {at // 8000: data[at + 2000 : at + 6000] for at in range(0, len(data) - 4000, 8000)}
    return [second for second, middle in middles.items() if max(min(each, 256 - each) for each in middle) > 2]


def decoded(file: Path) -> int:
    """Pictures that can be shown, without an error."""
    words = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-count_frames",
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
        str(file),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # fmt: skip
    assert not done.stderr
    return int(done.stdout)


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


def test_a_sound_that_comes_only_with_the_second_connection_is_heard_from_there_on(tmp_path: Path) -> None:
    one, two = (made(tmp_path / f"{order}.ts", seconds=4, order=tuple(order)) for order in ("v", "va"))
    whole = joined(parts(tmp_path, one, two))
    assert whole and decoded(whole) == 80
    assert loud(whole) == [4, 5, 6, 7]
    assert probe(whole, 30).seconds == pytest.approx(8, abs=0.5)


@pytest.mark.parametrize("orders", [("va", "av"), ("av", "va"), ("va", "v"), ("av", "v", "va")])
def test_programs_that_list_their_streams_otherwise_lose_no_picture_and_no_sound(
    orders: tuple[str, ...], tmp_path: Path
) -> None:
    sent = [made(tmp_path / f"{n}.ts", seconds=4, order=tuple(order)) for n, order in enumerate(orders)]
    whole = joined(parts(tmp_path, *sent))
    assert whole and decoded(whole) == 40 * len(orders)
    wanted = [4 * n + second for n, order in enumerate(orders) if "a" in order for second in range(4)]
    assert set(wanted[:-1]) <= set(loud(whole)) <= {*wanted, wanted[-1] + 1}


def test_a_microphone_that_is_plugged_in_late_is_heard_at_its_time(tmp_path: Path) -> None:
    whole = joined(parts(tmp_path, made(tmp_path / "late.ts", seconds=9, order=("v", "a"), late=7)))
    assert whole and decoded(whole) == 90
    assert loud(whole) == [7, 8]


def test_a_camera_of_another_size_loses_no_picture(tmp_path: Path) -> None:
    one, two = (
        made(tmp_path / f"{size}.ts", seconds=3, order=("v", "a"), size=size) for size in ("320x180", "640x360")
    )
    whole = joined(parts(tmp_path, one, two))
    assert whole and decoded(whole) == 60


class Kept:
    """A bucket that takes all there is, by key."""

    def __init__(self) -> None:
        self.there = dict[str, bytes]()

    def upload_file(self, file: str, _: str, key: str) -> None:
        self.there[key] = Path(file).read_bytes()

    def put_object(self, **what: Any) -> dict[str, str]:
        self.there[what["Key"]] = what["Body"]
        return {"ETag": ""}


def handed_in(folder: Path, monkeypatch: pytest.MonkeyPatch, *sent: bytes) -> dict[str, bytes]:
    """What a recording of these parts leaves in the bucket of uploads; nothing of it is on the disk then."""
    monkeypatch.setattr(Bucket, "read_json", lambda *_: None)
    monkeypatch.setattr(Bucket, "objects", lambda *_: iter(()))
    store = Kept()
    found = Recording(parse(json.dumps(request())), Bucket(store, "uploads"), Bucket(store, "lessons"), folder)
    for number, content in enumerate(sent):
        (found.parts / f"r{number}.ts").write_bytes(content)
    note = found.hand_in()
    assert note and note["content_hash"] in store.there
    assert found.empty and not (folder / joining.WHOLE).exists()
    return store.there


def test_parts_that_are_not_all_in_the_recording_are_kept_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = made(tmp_path / "h264.ts", seconds=4, order=("v", "a"))
    two = made(tmp_path / "mpeg2.ts", seconds=3, order=("v", "a"), codec="mpeg2video")
    there = handed_in(tmp_path, monkeypatch, one, two)
    assert [there.get(KEPT.format(id=LESSON, part=f"r{n}.ts")) for n in range(2)] == [one, two]
    assert "holds 40 of the 70 pictures that came in" in capsys.readouterr().out


def test_parts_that_are_all_in_the_recording_are_kept_nowhere_else(
    source: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = handed_in(tmp_path, monkeypatch, source, source[: len(source) // 2])
    assert len(there) == 2 and not [key for key in there if "parts" in key]
    assert "warning" not in capsys.readouterr().out
