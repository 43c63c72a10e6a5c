"""The file that the service decides by: it says what the rows say, for every tier, school and day, and stays small."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog import City, load, load_named
from catalog.synthetic import write_city
from policies import generate
from policies.access import document
from services.entitlement.rules import Lesson, Person, Rules
from tests.policies.rows import rows

UNLIMITED = {"reach": "anyone", "window_days": None, "window": None, "seats": None}
MOST_BYTES = 1 << 20
"""A ConfigMap holds no more."""


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def _open_to(city: City, tier: str) -> Rules:
    """Rules with one licence that allows everything to this tier alone: what is left is its reach."""
    licence: dict[str, Any] = {"name": {}, "uses": ["stream"], "tiers": [tier], **UNLIMITED}
    return Rules({**document.document(city), "licences": {"any": licence}})


def _days(city: City) -> list[date]:
    """Both sides of both edges of every agreement."""
    one = timedelta(days=1)
    edges = [day for each in city.agreements for day in (each.starts - one, each.starts, each.ends, each.ends + one)]
    return sorted(set(edges))


def test_the_service_decides_as_the_rows_say(city: City) -> None:
    rules = {tier.id: _open_to(city, tier.id) for tier in city.tiers}
    zone, found = ZoneInfo(city.timezone), rows(city)
    parties = {code for each in city.agreements for code in each.schools}
    schools = sorted(parties | {school.code for school in city.schools[:: max(1, len(city.schools) // 6)]})
    asked = 0
    for day in _days(city):
        for hour in (time(0, 0), time(23, 59)):
            now = datetime.combine(day, hour, zone).astimezone(UTC)
            for school in schools:
                for tier in city.tiers:
                    streams = found[school].streams(tier.id, day)
                    for owner in schools:
                        lesson = Lesson("l", owner, "any", now - timedelta(days=1), "l/m")
                        allowed = rules[tier.id].decide(Person(tier.id, school), lesson, now).allowed
                        assert allowed is (owner in streams), (day, hour, school, tier.id, owner)
                        asked += 1
    assert asked > 1000


def test_the_text_is_the_document_one_row_a_line(city: City) -> None:
    text = document.text(city)
    assert json.loads(text) == document.document(city)
    assert sum(line.startswith(f' "{school.code}"') for school in city.schools for line in text.splitlines()) == len(
        city.schools
    )


def test_the_public_tier_is_the_one_whose_scope_is_public(city: City) -> None:
    (public,) = [tier.id for tier in city.tiers if tier.scope == "public"]
    assert document.document(city)["public_tier"] == public
    none = city.model_copy(update={"tiers": tuple(tier for tier in city.tiers if tier.id != public)})
    assert document.document(none)["public_tier"] is None


def test_the_rules_of_five_thousand_schools_fit_into_a_config_map(tmp_path: Path) -> None:
    write_city(tmp_path / "big", 5000)
    text = generate.files(load(tmp_path / "big"))[document.FILE]
    assert len(text.encode()) < MOST_BYTES * 0.9


def test_one_changed_fact_changes_one_line(city: City) -> None:
    licence = city.licences[0].model_copy(update={"window_days": 7})
    changed = city.model_copy(update={"licences": (licence, *city.licences[1:])})
    old, new = document.text(city).splitlines(), document.text(changed).splitlines()
    assert len([1 for before, after in zip(old, new, strict=True) if before != after]) == 1


def test_it_carries_the_words_that_people_read(city: City) -> None:
    found = document.document(city)
    assert {name: (each["name"], each["description"]) for name, each in found["classes"].items()} == {
        each.id: (each.name.model_dump(), each.description.model_dump()) for each in city.resources
    }
    words = [*found["actions"].values(), *(each for held in found["whose"].values() for each in held.values())]
    assert all(set(each) == {"zh", "en"} and all(each.values()) for each in words)
    for row in found["classes"].values():
        assert set(row["grants"]) <= set(found["actions"])
        scopes = {scope for cells in row["grants"].values() for cell in cells.values() for scope in cell["scopes"]}
        assert scopes <= set(found["whose"][row["held_by"]])
    assert found["whose"]["school"]["child"] != found["whose"]["person"]["child"], "a child’s school is not the child"


def test_it_says_which_office_is_which_district_and_which_partners_there_are(city: City) -> None:
    found, rules = document.document(city), Rules(document.document(city))
    assert rules.offices == {each.division_code: each.id for each in city.districts}
    assert not rules.offices.keys() & rules.schools.keys()
    assert {name: row["name"] for name, row in found["partners"].items()} == {
        each.id: each.name.model_dump() for each in city.partners
    }
    parties = {name for each in found["agreements"].values() for name in each["partners"]}
    assert parties and parties <= found["partners"].keys()
