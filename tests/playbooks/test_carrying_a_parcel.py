"""A parcel of lessons is brought to a box over its shell: what is missing, where it fits, and on from where it was cut off."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import UserError
from derive import lesson_parcel
from ops.parcels import carrying
from tests import box_cache
from tests.box_cache import LESSON, OTHER, Keeper
from tests.playbooks.test_lessons_on_a_stick import Stand, files, made, stand

__all__ = ["stand"]


def shell(keeper: Keeper, folder: Path) -> tuple[carrying.Reach, Path]:
    """All but the way in: the same words in a shell here, with the box's own command; and a file that names what was sent to it."""
    tools, sent = folder / "tools", folder / "sent"
    tools.mkdir()
    own = tools / "huiju-parcel"
    own.write_text(
        f'#!/bin/sh\nfind "$2/{lesson_parcel.MEDIA}" -type f -printf "%f\\n" > {sent}\n'
        f'exec {sys.executable} -I {box_cache.FILES} "$@" {keeper.settings()}\n'
    )
    own.chmod(0o755)
    return lambda words: ["env", f"PATH={tools}:{os.environ['PATH']}", "sh", "-c", words], sent


def test_a_parcel_is_brought_to_a_box_over_its_shell_and_goes_on_where_it_was_cut_off(
    stand: Stand, tmp_path: Path
) -> None:
    platform, box, keeper = stand
    folder, stage = tmp_path / "stick", tmp_path / "stage"
    made(platform, folder)
    platform.down()
    reach, _ = shell(keeper, tmp_path)
    first = files(folder)[0]
    (stage / lesson_parcel.MEDIA / first.name[:2]).mkdir(parents=True)
    (stage / lesson_parcel.MEDIA / first.name[:2] / first.name).write_bytes(b"cut off")
    carrying.apply(folder, reach, str(stage))
    assert len(box.held(list(box_cache.lesson(LESSON)))) == len(box_cache.lesson(LESSON))
    assert not stage.exists()
    first.write_bytes(b"another")
    with pytest.raises(UserError, match="did not take it"):
        carrying.apply(folder, reach, str(stage))
    with pytest.raises(UserError, match="no parcel of lessons"):
        carrying.apply(tmp_path / "tools", reach, str(stage))


def test_a_file_that_was_damaged_when_it_was_brought_is_brought_again_once_the_stick_is_mended(
    stand: Stand, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    platform, box, keeper = stand
    folder, stage = tmp_path / "stick", tmp_path / "stage"
    made(platform, folder)
    reach, _ = shell(keeper, tmp_path)
    victims = [file for file in files(folder) if file.stat().st_size > 1000][:2]
    for victim in victims:
        victim.write_bytes(b"!" + victim.read_bytes()[1:])
    with pytest.raises(UserError, match="did not take it"):
        carrying.apply(folder, reach, str(stage))
    said = capfd.readouterr().err
    assert "the stick is damaged" in said and [victim.name in said for victim in victims] == [True] * 2
    assert len(files(stage)) == len(files(folder)) - 2, "what is whole is not sent twice"
    made(platform, folder)
    carrying.apply(folder, reach, str(stage))
    assert len(box.held(list(box_cache.lesson(LESSON)))) == len(box_cache.lesson(LESSON))


def test_only_what_the_list_names_is_brought_to_a_box(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    folder = tmp_path / "stick"
    made(platform, folder, LESSON, OTHER)
    both = files(folder)
    made(platform, folder, LESSON)
    reach, sent = shell(keeper, tmp_path)
    carrying.apply(folder, reach, str(tmp_path / "stage"))
    mine = {hashlib.sha256(body).hexdigest() for body, _ in box_cache.lesson(LESSON).values()}
    assert set(sent.read_text().split()) == mine < {file.name for file in both}
    assert len(box.held(list(box_cache.lesson(LESSON)))) == len(box_cache.lesson(LESSON))
    (folder / lesson_parcel.MANIFEST).write_text("cut o")
    with pytest.raises(UserError, match="is damaged: run the same"):
        carrying.apply(folder, reach, str(tmp_path / "stage"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, less than the parcel of a lesson."""
    disk = tmp_path / "disk"
    disk.mkdir()
    line = ("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk))
    if subprocess.run(line, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(("umount", str(disk)), check=True)


def test_a_parcel_that_the_box_has_no_room_for_is_refused_before_any_of_it_is_sent(
    stand: Stand, tmp_path: Path, small: Path
) -> None:
    made(stand[0], tmp_path / "stick")
    reach, sent = shell(stand[2], tmp_path)
    with pytest.raises(UserError, match=r"[1-9] MiB of the parcel are not on the box yet, and it has 1 MiB free"):
        carrying.apply(tmp_path / "stick", reach, str(small / "stage"))
    assert not list((small / "stage").iterdir()) and not sent.exists()


def test_a_disk_that_fills_up_is_given_its_room_back_and_a_link_that_is_cut_leaves_what_has_come(
    stand: Stand, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stage = tmp_path / "stick", tmp_path / "stage"
    made(stand[0], folder)
    reach, sent = shell(stand[2], tmp_path)
    with pytest.raises(UserError, match="did not take it"):
        carrying.apply(folder, lambda words: reach(f"head -c 600000 | {{ {words}; }}"), str(stage))
    assert files(stage), "the same command goes on"
    monkeypatch.setattr(carrying, "_check_room", lambda *_: None)
    with pytest.raises(UserError, match="did not take it"):
        carrying.apply(folder, reach, str(small / "stage"))
    assert not list(small.iterdir())
    assert not sent.exists()
