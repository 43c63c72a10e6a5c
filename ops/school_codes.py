"""Codes of schools, as somebody typed them."""

from __future__ import annotations

from catalog import City
from catalog.problems import shown
from catalog.wording import did_you_mean


def listed(city: City) -> str:
    """What lists the codes of the city's schools: of a district each, since a whole city at a glance names none."""
    return f"`huiju catalog show {city.id} --district ID` lists them"


def unknown(code: str, city: City) -> str:
    """What to say of a code that is no school's."""
    return f"{shown(code)} is no school of {city.id}{did_you_mean(code, city.by_code)}: {listed(city)}"
