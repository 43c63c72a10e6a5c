"""Ansible's inventory, derived: a host per school, in the order of the roll-out, and groups for everything a technician asks by. Pure.

A host is named by its school's code. Group names are Ansible's words: a kind, and the row's id with ``_`` for ``-``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog import City
from catalog.school import Locality, School

ALL = "schools"
"""Every school."""
Hostvars = dict[str, Any]


def hosts(city: City) -> dict[str, Hostvars]:
    """School code -> its variables; schools of an earlier wave first, then by code, so that batches follow the roll-out."""
    starts = {wave.id: wave.starts for wave in city.waves}
    ordered = sorted(city.schools, key=lambda school: (starts[school.wave], school.code))
    return {school.code: _hostvars(city, school) for school in ordered}


def _hostvars(city: City, school: School) -> Hostvars:
    return {
        "school_code": school.code,
        "school_name": {"zh": school.name.zh, "en": school.name.en},
        "school_district": school.district,
        "school_wave": school.wave,
        "school_locality": school.locality.value,
        "school_stages": [stage.value for stage in school.stages],
        "school_alliances": [alliance.id for alliance, _ in city.memberships.get(school.code, ())],
        "school_students": school.students,
        "school_uplink_mbps": float(school.uplink.contracted_mbps) if school.uplink else None,
    }


def shared(city: City) -> Hostvars:
    """Variables of every host: facts of the city."""
    return {
        "city_id": city.id,
        "city_timezone": city.timezone,
        "city_catalog_digest": city.digest,
        "city_segment_seconds": city.packaging.segment_seconds,
        "city_prefetch_mib": city.link_budget.prefetch_gib << 10,
        "city_probe_seconds": city.coverage.probe_seconds,
    }


def groups(city: City) -> dict[str, dict[str, list[str]]]:
    """Kind of group -> group -> its hosts, in the order of the catalog; a group without schools is there and empty."""
    return {
        "waves": {group("wave", wave.id): _where(city, "wave", wave.id) for wave in city.waves},
        "districts": {group("district", row.id): [s.code for s in city.by_district[row.id]] for row in city.districts},
        "alliances": {group("alliance", row.id): [code for _, code in row.members] for row in city.alliances},
        "localities": {group("locality", each.value): _where(city, "locality", each) for each in Locality},
    }


def _where(city: City, fact: str, value: str) -> list[str]:
    return [school.code for school in city.schools if getattr(school, fact) == value]


def group(kind: str, row: str) -> str:
    """Name of the group of one row. Ids have no ``_``, so two rows never share a name."""
    return f"{kind}_{row.replace('-', '_')}"


def group_names(city: City) -> Iterator[str]:
    """Every group."""
    yield ALL
    for kind, found in groups(city).items():
        yield from (kind, *found)
