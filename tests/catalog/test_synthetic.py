"""Made-up schools: the same seed gives the same city, any size is sound, and every row says that it is made up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from catalog import DATA, load, load_named
from catalog.synthetic import SEED, WORKED, WORKED_COUNTS, alliances, frame, write_city
from catalog.synthetic_schools import schools
from catalog.types import Provenance


def test_the_same_seed_gives_the_same_schools_and_another_gives_others() -> None:
    city = frame(DATA / WORKED)
    assert schools(city, WORKED_COUNTS, SEED) == schools(city, WORKED_COUNTS, SEED)
    assert schools(city, WORKED_COUNTS, SEED) != schools(city, WORKED_COUNTS, SEED + 1)


@pytest.mark.parametrize("number", [30, 251, 900])
def test_a_city_of_any_size_is_sound(number: int, tmp_path: Path) -> None:
    write_city(tmp_path, number)
    city = load(tmp_path)
    assert len(city.schools) == number
    assert {school.provenance for school in city.schools} == {Provenance.SYNTHETIC}


def test_a_made_up_city_is_the_same_wherever_it_is_written(tmp_path: Path) -> None:
    write_city(tmp_path / "one", 60)
    write_city(tmp_path / "two" / "deeper", 60)
    assert load(tmp_path / "one").digest == load(tmp_path / "two" / "deeper").digest


def test_every_school_is_in_one_alliance_of_each_of_its_stages() -> None:
    made = schools(frame(DATA / WORKED), WORKED_COUNTS, SEED)
    places = Counter((alliance.stage, code) for alliance in alliances(made) for _, code in alliance.members)
    assert set(places.values()) == {1}
    assert set(places) == {(stage, school.code) for school in made for stage in school.stages}


def test_no_name_is_given_twice_in_a_district() -> None:
    names = Counter((school.district, school.name.zh) for school in load_named(WORKED).schools)
    assert max(names.values()) == 1
