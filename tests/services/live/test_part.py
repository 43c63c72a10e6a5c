"""A part takes what comes as long as there is room for what it is joined into; a camera that is too fast is said to be."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from services.live import part as parts
from services.live.joining import SOUND_KBPS
from services.live.part import STEP, WELL_ABOVE, Pace, Part
from services.live.recording import AHEAD, Recording
from services.live.request import parse
from services.packager import disk
from services.packager.store import Bucket
from tests.services.live.classes import request

PACKET = b"p" * 1316


def run(ago: float = 0.0) -> str:
    """The name of a run that began so many seconds ago."""
    return f"r{int((time.time() - ago) * 1000)}"


def recording(folder: Path, monkeypatch: pytest.MonkeyPatch, *, spare: int) -> Recording:
    """A recording whose room is what joining nothing takes, and ``spare`` bytes."""
    found = Recording(parse(json.dumps(request())), Bucket(None, "uploads"), Bucket(None, "lessons"), folder)
    monkeypatch.setenv("PACKAGER_WORK_BYTES", str(found._joining() + AHEAD + spare))
    return found


def test_what_was_recorded_when_the_room_ended_can_still_be_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = recording(tmp_path, monkeypatch, spare=8 * STEP)
    part = found.part(run())
    part.write(PACKET)
    assert part.seen() == PACKET
    for _ in range(20 * STEP // len(PACKET)):
        part.write(PACKET)
    part.close()
    assert 3 * STEP < part.file.stat().st_size < 6 * STEP, "half of the room is for the joined file"
    disk.require(tmp_path, found._joining())
    assert capsys.readouterr().out.count("what comes in is kept no longer") == 1


def test_a_connection_that_finds_no_room_is_looked_at_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recording(tmp_path, monkeypatch, spare=0)
    shown, dark = found.part(run(ago=1)), found.part(run())
    for part in (shown, dark):
        part.write(PACKET * 400)
    assert shown.seen() == PACKET * 400
    shown.write(PACKET)
    for part in (shown, dark):
        part.close()
    assert found.empty


def test_room_is_kept_for_what_is_on_no_disk_here_as_it_is_streamed(tmp_path: Path) -> None:
    asked = parse(json.dumps(request()))
    found = Recording(asked, Bucket(None, "uploads"), Bucket(None, "lessons"), tmp_path)
    before, kbps = found._joining(), asked.rungs[-1].kbps
    (found.parts / f"{run(ago=600)}.ts").write_bytes(PACKET)
    assert before - found._joining() + len(PACKET) == pytest.approx(600 * kbps * 125, rel=0.1)
    longest = (asked.until - datetime.fromisoformat(asked.started)).total_seconds()
    assert before == pytest.approx(longest * (kbps + SOUND_KBPS) * 125)


@pytest.mark.parametrize(("over", "said"), [(1.1, 0), (1.5, 1)])
def test_a_camera_well_above_the_rate_that_it_was_asked_for_is_said_once(
    over: float, said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1.1 < WELL_ABOVE < 1.5
    pace = Pace(4000)
    second = int(over * 4000 * 125)
    for seconds in (1, 40, 50):
        pace.check(second * seconds, seconds)
    assert capsys.readouterr().out.count("the camera sends 6000 kbit/s") == said


def test_a_class_from_before_the_upgrade_has_no_rate_to_be_above(capsys: pytest.CaptureFixture[str]) -> None:
    asked = request()
    del asked["ingest_kbps"]
    Pace(parse(json.dumps(asked)).ingest_kbps).check(10**12, 100)
    assert not capsys.readouterr().out


def test_a_part_tells_its_pace_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(parts.Pace, "check", lambda _, size, __: heard.append(size))
    part = Part(tmp_path / "r1.ts", lambda: True, Pace(1), kept=True)
    part.seen()
    part.write(b"x" * STEP)
    part.close()
    assert heard == [0, STEP]
