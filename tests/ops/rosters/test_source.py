"""How much of a roster's files is read at most: no archive keeps a command busy with what was never a roster."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from catalog.errors import UserError
from ops.rosters import source
from ops.rosters.source import Source
from tests.ops.rosters import small

MOST = 2**20


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can reach."""
    monkeypatch.setattr(source, "LARGEST_FILE", MOST)


def packed(folder: Path) -> Path:
    """The folder as an archive, in which blanks take no room."""
    where = folder.with_suffix(".zip")
    with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return where


def swollen(folder: Path, *names: str) -> Path:
    """The folder, with blanks in these files up to more than there may be."""
    for name in names:
        path = folder / f"{name}.csv"
        path.write_bytes(path.read_bytes() + b"\n" * 5 * MOST)
    return folder


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How far each file was read the last time; none that was not opened."""
    found, opened = dict[str, int](), Source.opened

    @contextmanager
    def watched(given: Source, name: str) -> Iterator[BinaryIO]:
        with opened(given, name) as file:
            try:
                yield file
            finally:
                found[name] = file.tell()

    monkeypatch.setattr(Source, "opened", watched)
    return found


@pytest.mark.parametrize("form", [Path, packed])
def test_files_that_are_too_large_are_refused_together_before_a_byte_is_read(
    folder: Path, ends: dict[str, int], form: Callable[[Path], Path]
) -> None:
    given = Source(form(swollen(folder, "users", "roles")))
    with pytest.raises(UserError) as refused:
        given.digest()
    said = str(refused.value).splitlines()
    assert [each.partition(" in ")[0] for each in said[:-1]] == ["roles.csv", "users.csv"]
    assert all("is larger than" in each and "split it by district" in each for each in said[:-1])
    assert said[-1] == "nothing was written"
    assert ends == {}
    found = [each.partition(":")[0] for each in small.problems(given.path) if "is larger than" in each]
    assert found == ["users.csv", "roles.csv"]
    assert ends and not ends.keys() & set(found)


@pytest.mark.parametrize("form", [Path, packed])
def test_a_file_that_says_less_than_it_holds_is_read_no_farther_than_one_may_be(
    folder: Path, ends: dict[str, int], monkeypatch: pytest.MonkeyPatch, form: Callable[[Path], Path]
) -> None:
    given = Source(form(swollen(folder, "users")))
    monkeypatch.setattr(Source, "size", lambda *_: 1)
    with pytest.raises(UserError, match=r"users\.csv in .*: the file is larger than"):
        given.digest()
    assert MOST < ends["users.csv"] <= 2 * MOST
    assert any("is larger than" in each for each in small.problems(given.path))


def test_an_archive_that_is_not_too_large_has_its_folder_s_digest(folder: Path) -> None:
    assert Source(packed(folder)).digest() == Source(folder).digest()
