"""The made-up roster has the people that the catalog counts, and takes the place of nothing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import City, load_named
from catalog.errors import UserError
from ops.cli import app
from ops.rosters import sample
from ops.rosters.checking import UNKNOWN, check
from ops.rosters.source import Source

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def test_it_has_as_many_pupils_teachers_and_classes_as_the_catalog_counts(tmp_path: Path, tiny: City) -> None:
    assert (
        CliRunner().invoke(app, ["roster", "sample", "--schools", "tiny", "--out", str(tmp_path / "r")]).exit_code == 0
    )
    done = CliRunner().invoke(app, ["roster", "check", str(tmp_path / "r"), "--schools", "tiny", "--json"])
    found = json.loads(done.stdout)
    assert [(each["school"], each["pupils"], each["teachers"]) for each in found["schools"]] == [
        (school.code, school.students, school.teachers) for school in tiny.schools
    ]
    assert found["rows"]["classes.csv"] == sum(school.classes for school in tiny.schools)
    assert all(each["family"] for each in found["schools"])


def test_the_same_city_and_day_give_the_same_files(tmp_path: Path, tiny: City) -> None:
    for name, seed in (("a", 1), ("b.zip", 1), ("c", 2)):
        sample.write(tiny, tmp_path / name, TODAY, seed)
    first, again, other = (Source(tmp_path / name).digest() for name in ("a", "b.zip", "c"))
    assert first == again != other


def test_every_pupil_has_a_birth_date_that_fits(tmp_path: Path, tiny: City) -> None:
    sample.write(tiny, tmp_path / "r", TODAY)
    found = check(Source(tmp_path / "r"), tiny, TODAY)
    pupils = sum(school.students for school in tiny.schools)
    assert len(found.ages) - found.ages.count(UNKNOWN) == pupils
    assert 0 < found.ages.count(1) < pupils


@pytest.mark.parametrize("name", ["r", "r.zip"])
def test_nothing_is_overwritten(tmp_path: Path, tiny: City, name: str) -> None:
    sample.write(tiny, tmp_path / name, TODAY)
    before = Source(tmp_path / name).digest()
    with pytest.raises(UserError, match="is there already"):
        sample.write(tiny, tmp_path / name, TODAY, seed=2)
    assert Source(tmp_path / name).digest() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]
