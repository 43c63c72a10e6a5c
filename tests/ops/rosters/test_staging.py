"""What is kept of a birth date, and for which places a roster speaks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from catalog.roster import RosterRole
from ops.rosters.form import ADMINISTRATOR, IN_CLASSES
from ops.rosters.staging import FIRST, LAST, Stage, grown
from tests.ops.rosters import small
from tests.roster_server import HASHES


@pytest.mark.parametrize(
    ("born", "until"),
    [
        (date(2012, 11, 30), date(2026, 12, 1)),
        (date(2012, 12, 1), date(2027, 1, 1)),
        (date(2012, 1, 31), date(2026, 2, 1)),
        (date(2012, 2, 29), date(2026, 3, 1)),
    ],
)
def test_a_guardian_has_a_say_until_the_month_after_the_birthday(born: date, until: date) -> None:
    assert grown(born, 14) == until


def test_two_pupils_of_one_month_cannot_be_told_apart() -> None:
    assert {grown(date(2013, 5, day), 14) for day in range(1, 32)} == {date(2027, 6, 1)}


def test_a_roster_of_all_schools_speaks_for_the_city_and_its_districts(tmp_path: Path) -> None:
    city, found = small.city(), small.checked(small.written(tmp_path / "r"))
    assert set(Stage(found, city, HASHES).places()) == {
        city.division_code,
        *(each.division_code for each in city.districts),
        *(each.code for each in city.schools),
    }
    first, second = city.schools
    found.places.schools = {key: code for key, code in found.places.schools.items() if code == first.code}
    assert second.code not in Stage(found, city, HASHES).places()
    assert city.division_code not in Stage(found, city, HASHES).places()


def test_a_day_is_staged_as_a_day_and_never_as_it_was_typed(tmp_path: Path) -> None:
    folder = small.written(tmp_path / "r")
    small.change(folder, "roles", 0, beginDate="2026-09-01", endDate="")
    first, *rest = Stage(small.checked(folder), small.city(), HASHES)._roles()
    assert first[-2:] == (date(2026, 9, 1), LAST)
    assert all(isinstance(each, date) or each in {FIRST, LAST} for row in rest for each in row[-2:])


def test_the_catalog_and_the_reader_know_the_same_roles() -> None:
    assert IN_CLASSES - set(RosterRole) == {ADMINISTRATOR}
