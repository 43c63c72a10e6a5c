"""Loading: everything or every problem, in order; the same city whatever its files look like."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from catalog import CatalogError, City, find, load, load_named, named
from catalog.reading import read_folder
from catalog.wording import did_you_mean


def problems(city: Path) -> list[str]:
    with pytest.raises(CatalogError) as refused:
        load(city)
    return [f"{p.file.name}:{p.line}:{p.key}" for p in refused.value.problems]


def replace(file: Path, *edits: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")


def test_all_problems_come_at_once_sorted_by_file_and_line(tiny: Path) -> None:
    replace(tiny / "schools.yaml", ("teachers: 5\n", "teachers: five\n"), ("district: east", "district: west"))
    replace(tiny / "city.yaml", ("timezone: Asia/Shanghai", "timezone: Mars"), ("starts: 2027-03-01", "starts: soon"))
    found = problems(tiny)
    assert found == [
        "city.yaml:6:timezone",
        "city.yaml:33:waves[1].starts",
        "schools.yaml:5:schools[0].district",
        "schools.yaml:70:schools[5].teachers",
    ]


def test_a_message_names_file_line_and_key_and_shows_the_path_from_here(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(tiny / "schools.yaml", ("students: 46", "students: many"))
    monkeypatch.chdir(tiny.parent)
    with pytest.raises(CatalogError) as refused:
        load(tiny)
    assert str(refused.value).splitlines() == [
        "the catalog has one problem:",
        '  city/schools.yaml:69:schools[5].students: "many" must be a whole number, without quotes',
    ]


def test_a_row_with_a_mistake_does_not_make_references_to_it_dangle(tiny: Path) -> None:
    replace(tiny / "city.yaml", ("kind: urban-district", "kind: borough"))
    assert problems(tiny) == ["city.yaml:15:districts[0].kind"]


def test_an_unreadable_file_is_not_followed_by_what_it_would_have_held(tiny: Path) -> None:
    (tiny / "schools.yaml").write_text("schools: [")
    replace(tiny / "city.yaml", ("timezone: Asia/Shanghai", "timezone: Mars"))
    assert problems(tiny) == ["city.yaml:6:timezone", "schools.yaml:1:"]


def test_every_missing_section_is_named(tiny: Path) -> None:
    (tiny / "services.yaml").unlink()
    keys = {place.rsplit(":", 1)[1] for place in problems(tiny)}
    assert {"services", "funding_sources", "ladder", "packaging"} <= keys


def test_a_city_cannot_be_changed() -> None:
    city = load_named("tiny")
    with pytest.raises(ValidationError, match="frozen"):
        city.schools[0].students = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        city.schools = ()  # type: ignore[misc]


def test_the_digest_is_that_of_the_content_not_of_the_files(tiny: Path) -> None:
    documents, _ = read_folder(tiny)
    whole = {key: value for document in documents for key, value in document.data.items()}
    for rows in whole.values():
        if isinstance(rows, list) and rows and "video_kbps" not in rows[0]:
            rows.reverse()
    for file in tiny.glob("*.yaml"):
        file.unlink()
    (tiny / "everything.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True, sort_keys=True), encoding="utf-8")
    assert load(tiny).digest == load_named("tiny").digest


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("schools.yaml", "students: 46", "students: 47"),
        ("services.yaml", "video_kbps: 145", "video_kbps: 146"),
        ("city.yaml", "goal: Three", "goal: Four"),
        ("timetable.yaml", 'ends: "16:20"', 'ends: "16:21"'),
    ],
)
def test_the_digest_changes_with_any_fact(file: str, old: str, new: str, tiny: Path) -> None:
    replace(tiny / file, (old, new))
    assert load(tiny).digest != load_named("tiny").digest


def test_a_city_survives_the_way_through_json() -> None:
    city = load_named("neijiang")
    assert City.model_validate_json(json.dumps(city.model_dump(mode="json"))) == city


def test_the_collector_is_as_it_was_after_loading_and_after_failing(tiny: Path) -> None:
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            load_named("tiny")
            with pytest.raises(CatalogError):
                load(tiny / "nowhere")
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


def test_a_city_is_found_by_name_or_by_path(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"neijiang", "tiny"} <= set(named())
    assert find("tiny").name == "tiny"
    assert find(str(tiny)) == tiny
    monkeypatch.chdir(tiny.parent)
    assert find("./city") == Path("city")
    assert find("city") == Path("city")
    with pytest.raises(CatalogError, match="did you mean `tiny`"):
        find("tinny")


def test_lookups_give_the_row_or_a_key_error() -> None:
    city = load_named("tiny")
    school = city.schools[-1]
    assert city.school(school.code) is school
    assert city.district(school.district).id == school.district
    assert school in city.by_district[school.district]
    assert city.service(city.services[0].id) is city.services[0]
    assert [role.value for _, role in city.memberships["3990100003"]] == ["node", "node"]
    assert city.memberships.get("2990100009") is None
    for lookup in (city.school, city.district, city.service):
        with pytest.raises(KeyError):
            lookup("nobody")


def test_thousands_of_wrong_references_are_told_without_comparing_each_with_each() -> None:
    assert did_you_mean("eats", [f"east{n}" for n in range(101)]) == ""
    assert did_you_mean("eats", [*(f"west{n}" for n in range(99)), "east"]) == " (did you mean `east`?)"
