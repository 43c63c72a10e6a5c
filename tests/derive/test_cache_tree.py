"""Who asks whom: every school its district's edge and then the shield, and nobody anything else."""

from __future__ import annotations

import pytest

from catalog import City, load_named
from derive import cache_tree, tenants
from derive.cache_tree import CacheLevel
from tests.builders import changed

CITIES = [load_named("tiny"), load_named("neijiang")]


def without_edges(city: City) -> City:
    return changed(city, services=tuple(each for each in city.services if each.id != "district-edge"))


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.id)
def test_every_school_asks_its_own_district_s_edge_and_then_the_shield(city: City) -> None:
    for school in city.schools:
        assert cache_tree.parents(city, school, "x.test") == (
            f"{school.district}.districts.x.test",
            "schools.x.test",
        )


def test_without_edges_every_school_asks_the_shield() -> None:
    city = without_edges(CITIES[0])
    assert cache_tree.edges(city) == ()
    assert {cache_tree.parents(city, school, "x.test") for school in city.schools} == {("schools.x.test",)}


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.id)
def test_the_gateway_s_certificate_carries_every_name_that_a_box_asks(city: City) -> None:
    asked = {host for school in city.schools for host in cache_tree.parents(city, school, "x.test")}
    assert asked <= set(cache_tree.doors(city, "x.test"))


def test_there_are_three_levels() -> None:
    assert [level.value for level in CacheLevel] == ["shield", "edge", "school"]


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.id)
def test_each_edge_is_a_namespace_that_reaches_what_the_service_reaches(city: City) -> None:
    found = {tenant.id: tenant for tenant in tenants.tenants(city)}
    service = city.service("district-edge")
    assert len(found) == len(city.services) - 1 + len(city.districts)
    for district in city.districts:
        tenant = found[f"edge-{district.id}"]
        assert (tenant.reaches, tenant.funding, tenant.quota) == (service.reaches, service.funding, service.quota)
        assert district.name.zh in tenant.name.zh
        assert (tenants.service_of(tenant.id), tenants.district_of(tenant.id)) == ("district-edge", district.id)
        assert tenant.id in found["monitoring"].reaches
    assert tenants.district_of("video-library") == ""
