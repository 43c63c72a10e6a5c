"""One row for each school: what the platform's own side of a school's box needs to know of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from catalog import City, names


@dataclass(frozen=True)
class Row:
    """A school as the school edge knows it."""

    code: str
    district: str
    locality: str
    wave: str

    def host(self, edge_domain: str) -> str:
        """Name to which its box answers, and which its certificate carries."""
        return names.edge_host(self.code, edge_domain)


def rows(city: City) -> dict[str, Row]:
    """Code -> row, of every school of the city."""
    return {
        school.code: Row(school.code, school.district, school.locality.value, school.wave) for school in city.schools
    }


def document(city: City) -> str:
    """The rows as JSON, a school a line: a change of one is one line of a diff."""
    facts = {code: asdict(row) for code, row in sorted(rows(city).items())}
    lines = [
        f"{json.dumps(code)}: {json.dumps({k: v for k, v in row.items() if k != 'code'})}"
        for code, row in facts.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"
