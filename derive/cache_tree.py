"""The tree of caches: which levels a city has, and whom each cache asks when it has not got what it is asked for. Pure.

A box in a school asks the edge of its district, and the shield where that edge does not answer; an edge asks the shield; the shield asks
the object store. A city whose catalog has no service `district-edge` has no such level: its boxes ask the shield.
"""

from __future__ import annotations

from enum import StrEnum

from catalog import City, names
from catalog.school import School


class CacheLevel(StrEnum):
    """How far a cache is from the object store; the word for people's access is `Tier`."""

    SHIELD = "shield"
    """One for the city, in front of the object store."""
    EDGE = "edge"
    """One in each district."""
    SCHOOL = "school"
    """One in each school: its box."""


def edges(city: City) -> tuple[str, ...]:
    """Ids of the districts that have an edge, in the order of the catalog."""
    with_edges = any(service.id == names.DISTRICT_EDGE for service in city.services)
    return tuple(district.id for district in city.districts) if with_edges else ()


def edges_in_zone(city: City) -> tuple[str, ...]:
    """Ids of the districts whose edge has a zone to run in: servers that stand in the district."""
    return tuple(each for each in edges(city) if city.district(each).zone)


def edge_host(city: City, school: School, domain: str) -> str:
    """Host name of the edge that a school's box asks first; empty where the city has none. ``domain`` is that of the boxes."""
    return names.district_host(school.district, domain) if school.district in edges(city) else ""


def parents(city: City, school: School, domain: str) -> tuple[str, ...]:
    """Host names that a school's box asks, the first one first: its district's edge, then the shield's door for schools."""
    edge = edge_host(city, school, domain)
    return (*((edge,) if edge else ()), names.schools_host(domain))


def doors(city: City, domain: str) -> tuple[str, ...]:
    """Host names under which the boxes of the city reach its gateway: its certificate carries them all."""
    edge_hosts = (names.district_host(district, domain) for district in edges(city))
    return (names.schools_host(domain), names.parcels_host(domain), *edge_hosts)


def shield_host() -> str:
    """Host name of the shield inside the cluster: all its parts."""
    return f"{names.SHIELD}.{names.namespace(names.VIDEO_LIBRARY)}.svc.cluster.local"


def edge_service(district: str) -> str:
    """Host name of the edge of ``district`` inside the cluster."""
    return f"{names.DISTRICT_EDGE}.{names.edge_namespace(district)}.svc.cluster.local"


def shield_parts(count: int) -> tuple[str, ...]:
    """Host names of the shield's ``count`` parts inside the cluster, among which an edge chooses by the path that it asks for."""
    space = names.namespace(names.VIDEO_LIBRARY)
    return tuple(f"{names.shield_part(number)}.{space}.svc.cluster.local" for number in range(count))
