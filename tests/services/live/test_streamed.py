"""What was streamed becomes pictures and sound of a recording again, beside parts as they came in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.live import joining
from services.live.covering import Plan, plan
from services.live.encoder import Encoder
from services.live.recording import Recording
from services.live.request import SOUND, parse
from services.live.streamed import Streamed
from services.packager.fragments import Fragment
from services.packager.store import Bucket
from tests.services.live.classes import request
from tests.services.live.test_covering import part, run
from tests.services.live.test_recording import WIDE, decoded, loud, made

ASKED = parse(json.dumps(request()))
BEST = ASKED.rungs[-1].name


class Kept(Bucket):
    """A bucket that is a dictionary."""

    def __init__(self, there: dict[str, bytes]) -> None:
        super().__init__(None, "lessons")
        self.there = there

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        return ((key, len(data), "") for key, data in self.there.items() if key.startswith(prefix))

    def get(self, key: str) -> tuple[bytes, str] | None:
        return (self.there[key], "") if key in self.there else None


def key(run: str, number: int, track: str = BEST) -> str:
    return f"{ASKED.folder}{track}/{run}-{f'{number:05d}.m4s' if number else 'init.mp4'}"


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Run ``r1`` of seven seconds, as it lies in the bucket, by the service's own encoder."""
    sent = made(tmp_path_factory.mktemp("sent") / "r1.ts", seconds=7, order=("v", "a"), size="640x360")
    there, counted = dict[str, bytes](), dict.fromkeys(ASKED.tracks, 0)

    def take(track: str, part: bytes | Fragment) -> None:
        counted[track] += isinstance(part, Fragment)
        there[key("r1", counted[track], track)] = part.data if isinstance(part, Fragment) else part

    encoder = Encoder(ASKED, take, sound=True)
    encoder.write(sent)
    assert not encoder.close()
    return there


def joined(folder: Path, there: dict[str, bytes]) -> tuple[Path, Plan, int]:
    """What is in the parts below ``folder`` and in the bucket, as one file."""
    (folder / "parts").mkdir(exist_ok=True)
    found = Streamed(Kept(there), ASKED)
    wanted = plan(joining.contents(folder), found.runs(), WIDE)
    file, pictures = joining.joined(folder, wanted.pieces, found.opened)
    return file, wanted, pictures


def test_a_run_is_known_by_its_names_and_its_last_segment(streamed: dict[str, bytes]) -> None:
    (found,) = Streamed(Kept({**streamed, f"{ASKED.folder}{BEST}/index.m3u8": b"#EXTM3U"}), ASKED).runs()
    assert (found.name, found.seconds, max(found.shown)) == ("r1", 7, 7)
    short = {name: data for name, data in streamed.items() if name != key("r1", 7)}
    (found,) = Streamed(Kept(short), ASKED).runs()
    assert found.seconds == 6


def test_what_was_streamed_is_joined_with_what_came_in_and_no_picture_and_no_sound_is_lost(
    streamed: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "parts").mkdir()
    made(tmp_path / "parts" / "r2.ts", seconds=4, order=("a", "v"), size="320x180")
    made(tmp_path / "parts" / "r3.ts", seconds=3, order=("v",), size="320x180")
    file, wanted, pictures = joined(tmp_path, streamed)
    assert pictures == wanted.pictures == decoded(file) == 140
    assert loud(file) == list(range(11))
    before = file.read_bytes()
    assert joined(tmp_path, streamed)[0].read_bytes() == before, "joined again it is the same"


def test_segments_that_are_gone_are_a_gap_and_what_stands_behind_it_is_heard(
    streamed: dict[str, bytes], tmp_path: Path
) -> None:
    left = {name: data for name, data in streamed.items() if not name.endswith(("-00003.m4s", "-00004.m4s"))}
    file, wanted, pictures = joined(tmp_path, left)
    assert pictures == wanted.pictures == decoded(file) == 50
    assert (wanted.held, wanted.came) == (5, 7)
    assert loud(file) == list(range(5))


def test_what_has_no_sound_is_silent_in_its_place(streamed: dict[str, bytes], tmp_path: Path) -> None:
    mute = {name: data for name, data in streamed.items() if f"/{SOUND}/" not in name}
    later = {name.replace("r1-", "r2-"): data for name, data in streamed.items()}
    file, wanted, pictures = joined(tmp_path, {**mute, **later})
    assert pictures == wanted.pictures == decoded(file) == 140
    assert set(range(8, 14)) <= set(loud(file)) <= set(range(7, 14))


def test_a_last_moment_of_sound_that_is_missing_is_silence_and_a_picture_that_cannot_be_read_is_a_failure(
    streamed: dict[str, bytes], tmp_path: Path
) -> None:
    there = {name: data for name, data in streamed.items() if name != key("r1", 7, SOUND)}
    assert loud(joined(tmp_path, there)[0])[-1] < 6.5
    found = Streamed(Kept(there), ASKED)
    wanted = plan([], found.runs(), WIDE)
    del there[key("r1", 3)]
    with pytest.raises(FileNotFoundError):
        joining.joined(tmp_path, wanted.pieces, found.opened)


@pytest.mark.parametrize(
    ("wanted", "said", "told"),
    [
        (plan([part("r1", 600)], [run("r1", *range(1, 300))], WIDE), [], None),
        (
            plan([part("r1", 600)], [run("r2", *range(1, 151))], WIDE),
            ["has 5.0 of the 15.0 minutes of class as they were streamed live, 640x360"],
            (900, 900, 300),
        ),
        (
            plan([], [run("r2", *range(1, 61), *range(91, 121))], WIDE),
            ["has 3.0 of the 4.0 minutes of class as they were", "holds 3.0 of the 4.0 minutes of class: the rest"],
            (180, 240, 180),
        ),
        (
            plan([part("r1", 60)], [run("r2", 1, 30, header=False)], WIDE),
            ["holds 1.0 of the 2.0 minutes of class: the rest"],
            (60, 120, 0),
        ),
    ],
)
def test_what_is_not_as_it_came_in_and_what_is_nowhere_is_said_in_minutes(
    wanted: Plan, said: list[str], told: tuple[float, ...] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Recording(ASKED, Bucket(None, "uploads"), Bucket(None, "lessons"), tmp_path)._said(wanted)
    names = ("held_seconds", "came_seconds", "streamed_seconds")
    assert found == ({"recording": dict(zip(names, told, strict=True))} if told else {})
    lines = capsys.readouterr().out.splitlines()
    assert [words in line for words, line in zip(said, lines, strict=True)] == [True] * len(said)
