"""What a sound city is told on a day: the last day is quiet, the day after is not, and a missing signature is named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog import CatalogError, load, noticed

DAY = timedelta(days=1)


def told(city: Path, today: date) -> list[str]:
    return [f"{each.file.name}:{each.line}:{each.key}: {each.message}" for each in noticed(city, today)]


def test_a_city_whose_agreements_hold_is_told_nothing(tiny: Path) -> None:
    assert told(tiny, load(tiny).agreements[0].starts) == []


@pytest.mark.parametrize("days", [0, 1])
def test_an_agreement_is_over_on_the_day_after_its_last(tiny: Path, days: int) -> None:
    first, second = load(tiny).agreements
    early, late = sorted((first.ends, second.ends))
    found = told(tiny, early + days * DAY)
    assert len(found) == days
    assert all(f"ended on {early}" in each and ".ends: " in each for each in found)
    assert late > early


def test_a_notice_names_the_line_of_what_is_over(tiny: Path) -> None:
    [found] = noticed(tiny, load(tiny).agreements[1].ends + DAY)
    assert found.file.read_text(encoding="utf-8").splitlines()[found.line - 1].strip().startswith("ends:")


def test_a_licence_is_over_on_the_day_after_its_window(tiny: Path) -> None:
    ends = next(each.window.ends for each in load(tiny).licences if each.window)
    assert not [each for each in told(tiny, ends) if "licences" in each]
    [found] = [each for each in told(tiny, ends + DAY) if "licences" in each]
    assert f"was open until {ends}" in found


def test_a_missing_signature_is_told_with_the_party(tiny: Path) -> None:
    file = tiny / "access.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(each for each in lines if "The school of education" not in each), encoding="utf-8")
    [found] = told(tiny, load(tiny).agreements[0].starts)
    assert "agreements[1].signatures: opens nothing before sample-university signed" in found


def test_an_unsound_city_is_refused_instead(tiny: Path) -> None:
    (tiny / "more.yaml").write_text("nonsense: 1\n")
    with pytest.raises(CatalogError):
        noticed(tiny, date(2026, 9, 1))
