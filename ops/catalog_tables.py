"""How ``huiju catalog`` lays facts out: rich tables, both languages side by side."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from catalog import City
from catalog.school import Locality, School
from catalog.types import Names


def both(name: Names) -> str:
    """Both names."""
    return f"{name.zh} {name.en}"


def _table(title: str, *columns: str) -> Table:
    """A table; a column that starts with ``#`` holds numbers."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(
            column.removeprefix("#"), justify="right" if column.startswith("#") else "left", overflow="fold"
        )
    return table


def link(school: School) -> str:
    """A school's uplink in words."""
    return f"{school.uplink.contracted_mbps:g} Mbit/s {school.uplink.medium}" if school.uplink else "none"


def result_table(cities: dict[str, City]) -> Table:
    """What `check` says of sound cities."""
    table = _table("", "city", "", "#districts", "#schools", "#alliances", "#services", "digest")
    for name, city in cities.items():
        counts = (str(len(rows)) for rows in (city.districts, city.schools, city.alliances, city.services))
        table.add_row(name, Text("ok", style="green"), *counts, city.digest[:12])
    return table


def city_tables(city: City) -> RenderableType:
    """A city at a glance."""
    head = Text.assemble((both(city.name), "bold"), f"  {city.provenance}: {city.source}\n")
    return Group(head, _districts(city), _waves(city), _alliances(city), _services(city))


def _districts(city: City) -> Table:
    table = _table("Districts", "id", "name", "#schools", "#students", *(f"#{kind}" for kind in Locality), "#no link")
    for district in city.districts:
        own = city.by_district[district.id]
        places = (str(sum(school.locality is place for school in own)) for place in Locality)
        unlinked = str(sum(school.uplink is None for school in own))
        students = f"{sum(school.students for school in own):,}"
        table.add_row(district.id, both(district.name), str(len(own)), students, *places, unlinked)
    return table


def _waves(city: City) -> Table:
    table = _table("Waves", "id", "name", "starts", "ends", "#schools")
    for wave in city.waves:
        members = sum(school.wave == wave.id for school in city.schools)
        table.add_row(wave.id, both(wave.name), str(wave.starts), str(wave.ends), str(members))
    return table


def _alliances(city: City) -> Table:
    table = _table("Alliances", "id", "name", "stage", "#leading", "#guiding", "#node")
    for each in city.alliances:
        sizes = (str(len(members)) for members in (each.leading, each.guiding, each.node))
        table.add_row(each.id, both(each.name), each.stage, *sizes)
    return table


def _services(city: City) -> Table:
    table = _table("Services", "id", "name", "paid by", "reaches", "buckets", "databases", "public")
    for each in city.services:
        held = [", ".join(one.id for one in holdings) for holdings in (each.buckets, each.databases)]
        public = "yes" if each.public else "no"
        table.add_row(each.id, both(each.name), each.funding, ", ".join(each.reaches), *held, public)
    return table


def district_table(city: City, district: str) -> Table:
    """The schools of a district."""
    table = _table(
        both(city.district(district).name), "code", "name", "kind", "locality", "#students", "uplink", "wave"
    )
    for each in city.by_district[district]:
        table.add_row(each.code, both(each.name), each.kind, each.locality, str(each.students), link(each), each.wave)
    return table


def school_table(city: City, code: str) -> Table:
    """One school, with the alliances and agreements that name it."""
    school = city.school(code)
    table = Table(title=Text(both(school.name), style="bold"), title_justify="left", box=None, show_header=False)
    rows = {
        "code": code,
        "district": both(city.district(school.district).name),
        "kind": f"{school.kind} ({', '.join(school.stages)})",
        "locality": school.locality,
        "students, teachers, classes": f"{school.students}, {school.teachers}, {school.classes}",
        "devices": str(school.devices),
        "uplink": link(school),
        "wave": school.wave,
        "alliances": ", ".join(f"{each.id} ({role})" for each, role in city.memberships.get(code, ())),
        "agreements": ", ".join(agreement.id for agreement in city.agreements if code in agreement.schools),
        "provenance": school.provenance,
    }
    for label, value in rows.items():
        table.add_row(Text(label, style="dim"), value or "none")
    return table
