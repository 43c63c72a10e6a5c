"""What judging coverage needs of a city, small enough to be mounted beside the exporter as one file."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from catalog import City
from catalog.coverage import Coverage
from catalog.school import SchoolKind
from catalog.timetable import Timetable


class Row(NamedTuple):
    """One school."""

    code: str
    district: str
    locality: str
    wave: str
    kind: SchoolKind


class Facts(BaseModel):
    """Schools, school hours and the measure of coverage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = Field(description="IANA time zone of the bells.")
    timetable: Timetable
    coverage: Coverage
    schools: tuple[Row, ...] = Field(description="Every school of the catalog: the denominator.")

    @property
    def window(self) -> float:
        """Seconds for which a fetch covers its school."""
        return float(self.coverage.window_seconds)


def of(city: City) -> Facts:
    """The facts of ``city``."""
    rows = (Row(each.code, each.district, each.locality.value, each.wave, each.kind) for each in city.schools)
    return Facts(zone=city.timezone, timetable=city.timetable, coverage=city.coverage, schools=tuple(rows))


def dump(facts: Facts) -> str:
    """The file's text, one school a line, so that a change of one shows as one."""
    content: dict[str, Any] = facts.model_dump(mode="json")
    schools = ",\n".join(json.dumps(list(row), ensure_ascii=False) for row in content.pop("schools"))
    head = json.dumps(content, ensure_ascii=False, indent=1)
    return f'{head[:-2]},\n "schools": [\n{schools}\n]\n}}\n'


def parse(text: str) -> Facts:
    """The facts in ``text``; `pydantic.ValidationError` names what is wrong in it."""
    return Facts.model_validate_json(text)
