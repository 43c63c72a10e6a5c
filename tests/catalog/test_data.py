"""What the two worked cities must show: the issue's figures, and that nobody takes made-up rows for real ones."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from catalog import City, load_named, named, names
from catalog.school import DistrictKind, Locality, Stage
from catalog.types import Provenance


@pytest.fixture(scope="module")
def neijiang() -> City:
    return load_named("neijiang")


def test_the_map_is_the_real_one(neijiang: City) -> None:
    codes = {district.name.zh: district.division_code for district in neijiang.districts}
    assert codes == {"市中区": "511002", "东兴区": "511011", "资中县": "511025", "威远县": "511024", "隆昌市": "511083"}
    kinds = Counter(district.kind for district in neijiang.districts)
    assert kinds == {DistrictKind.URBAN_DISTRICT: 2, DistrictKind.COUNTY: 2, DistrictKind.COUNTY_LEVEL_CITY: 1}


def test_there_are_about_320_schools_mostly_in_townships_and_villages(neijiang: City) -> None:
    places = Counter(school.locality for school in neijiang.schools)
    assert 300 <= len(neijiang.schools) <= 340
    assert places[Locality.TOWNSHIP] + places[Locality.VILLAGE] > 2 * (
        places[Locality.URBAN] + places[Locality.COUNTY_SEAT]
    )
    assert all(neijiang.by_district.values())


@pytest.mark.parametrize("name", named())
def test_every_made_up_row_says_so(name: str) -> None:
    city = load_named(name)
    assert {school.provenance for school in city.schools} == {Provenance.SYNTHETIC}
    assert city.provenance is Provenance.SYNTHETIC
    assert "made up" in city.source.lower()


def test_no_made_up_code_can_be_a_real_schools(neijiang: City) -> None:
    assert all(int(school.code[4:]) > 900_000 for school in neijiang.schools)


def test_the_pilot_is_three_schools_of_one_district_that_share_a_course_package(neijiang: City) -> None:
    pilots = [school for school in neijiang.schools if school.wave == neijiang.waves[0].id]
    assert len(pilots) == 3
    assert len({school.district for school in pilots}) == 1
    assert set(neijiang.agreements[0].schools) == {school.code for school in pilots}


def test_every_district_has_demonstration_schools(neijiang: City) -> None:
    second = neijiang.waves[1].id
    assert {school.district for school in neijiang.schools if school.wave == second} == set(neijiang.by_district)


def test_primary_alliances_have_two_leading_two_guiding_and_about_thirty_node_schools(neijiang: City) -> None:
    primary = [alliance for alliance in neijiang.alliances if alliance.stage is Stage.PRIMARY]
    assert {(len(alliance.leading), len(alliance.guiding)) for alliance in primary} == {(2, 2)}
    assert all(25 <= len(alliance.node) <= 35 for alliance in primary)


def test_some_schools_are_in_alliances_of_two_stages(neijiang: City) -> None:
    stages = Counter(code for alliance in neijiang.alliances for _, code in alliance.members)
    assert max(stages.values()) == 2


@pytest.mark.parametrize("name", named())
def test_every_city_has_the_services_that_the_platform_needs(name: str) -> None:
    city = load_named(name)
    assert {service.id for service in city.services} >= set(names.CORE_SERVICES)
    buckets = {bucket.id: bucket for bucket in city.service(names.VIDEO_LIBRARY).buckets}
    assert buckets[names.BUCKET_UPLOADS].expire_days
    assert buckets[names.BUCKET_LESSONS].versioned


@pytest.mark.parametrize("name", named())
def test_the_school_year_is_that_of_2026(name: str) -> None:
    terms = load_named(name).timetable.terms
    assert [term.starts.year for term in terms] == [2026, 2027]
    assert terms[0].starts == date(2026, 9, 1)


def test_tiny_has_two_districts_and_six_schools() -> None:
    city = load_named("tiny")
    assert (len(city.districts), len(city.schools)) == (2, 6)
