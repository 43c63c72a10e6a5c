"""The cache of images stays bounded, refuses to fill the disk, and clears what killed runs left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from catalog.errors import UserError
from local.images import storage
from tests.local.images.conftest import Workshop


def _entries(name: str, ages: list[int]) -> None:
    for age in ages:
        folder = storage.entry(name, f"key{age}")
        folder.mkdir(parents=True)
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))


def test_only_the_newest_entries_of_each_image_are_kept(workshop: Workshop) -> None:
    _entries("a", [1, 2, 3, 4])
    _entries("b", [1])
    storage.prune(["a", "b"], keep=2)
    assert sorted(path.name for path in storage.root().glob("*/*")) == ["key1", "key1", "key2"]


def test_what_was_left_half_made_goes_after_a_day_and_not_before(workshop: Workshop) -> None:
    old, new = (storage.root() / "a" / f".{name}.partial" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    storage.prune(["a"])
    assert new.exists() and not old.exists()


def test_a_build_does_not_begin_on_a_full_disk(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.check_disk()
    monkeypatch.setattr(storage, "NEEDED_GIB", 1_000_000)
    with pytest.raises(UserError, match=r"(?s)1000000 GiB free .* huiju images clean"):
        storage.check_disk()


def test_the_storage_of_a_run_is_gone_after_it(workshop: Workshop) -> None:
    with storage.session() as folder:
        (folder / "root").mkdir()
    assert not folder.exists()


def test_what_a_killed_run_left_is_cleared_and_a_living_one_is_left_alone(workshop: Workshop) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, alive = (storage.root() / "sessions" / f"{pid}-x" for pid in (ended.pid, os.getpid()))
    for folder in (left, alive):
        (folder / "root").mkdir(parents=True)
    with storage.session():
        assert not left.exists() and alive.exists()


def test_nothing_outside_the_folder_is_unmounted(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmounted: list[str] = []
    mounts = f"overlay {tmp_path}/s/root/merged overlay rw 0 0\noverlay {tmp_path}/s2/merged overlay rw 0 0\n"
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, **kw: mounts if str(self) == "/proc/self/mounts" else read(self, **kw)
    )
    monkeypatch.setattr(subprocess, "run", lambda line, **_: unmounted.append(line[-1]))
    storage.discard(tmp_path / "s")
    assert unmounted == [f"{tmp_path}/s/root/merged"]
