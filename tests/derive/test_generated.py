"""Derived files are written whole, and read only while they are the catalog's and nobody's hand is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from derive import generated

FILES = {"rules.yaml": "groups: []\n", "deep/page.json": "{}"}


@pytest.fixture
def tiny() -> City:
    return load_named("tiny")


@pytest.fixture
def folder(tmp_path: Path, tiny: City) -> Path:
    generated.write(tmp_path / "tiny", tiny, FILES)
    return tmp_path / "tiny"


def test_what_was_written_is_read_back(folder: Path, tiny: City) -> None:
    assert generated.read(folder, tiny) == FILES


def test_what_comes_out_the_same_keeps_the_moment_it_was_made_and_nothing_else_does(folder: Path, tiny: City) -> None:
    stamp = json.loads(generated.stamp_of(folder))
    (folder / generated.STAMP).write_text(json.dumps({**stamp, "made": "2026-01-01T00:00:00Z"}))
    generated.write(folder, tiny, FILES)
    assert json.loads(generated.stamp_of(folder))["made"] == "2026-01-01T00:00:00Z"
    generated.write(folder, tiny, {**FILES, "rules.yaml": "new"})
    assert json.loads(generated.stamp_of(folder))["made"] > "2026-01-01T00:00:00Z"


def test_a_file_that_is_no_longer_derived_goes(folder: Path, tiny: City) -> None:
    generated.write(folder, tiny, {"rules.yaml": "new"})
    assert not (folder / "deep").exists()
    assert generated.read(folder, tiny) == {"rules.yaml": "new"}


def test_files_of_another_catalog_are_refused_with_the_command_that_mends_it(folder: Path) -> None:
    with pytest.raises(UserError, match=r"another state of the catalog.*make generate"):
        generated.read(folder, load_named("neijiang"))


def test_a_file_edited_by_hand_is_named(folder: Path, tiny: City) -> None:
    (folder / "rules.yaml").write_text("groups: [mine]\n")
    with pytest.raises(UserError, match=r"rules\.yaml was edited by hand"):
        generated.read(folder, tiny)


@pytest.mark.parametrize("lost", ["rules.yaml", generated.STAMP])
def test_a_lost_file_is_an_error(folder: Path, tiny: City, lost: str) -> None:
    (folder / lost).unlink()
    with pytest.raises(UserError, match="make generate"):
        generated.read(folder, tiny)


def test_a_city_that_is_gone_takes_its_files_along(tmp_path: Path) -> None:
    (tmp_path / "atlantis").mkdir()
    generated.refresh(tmp_path, lambda city: {"id": city.id})
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", "neijiang"}
    assert generated.read(tmp_path / "tiny", load_named("tiny")) == {"id": "tiny"}
