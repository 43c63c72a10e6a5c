"""What the schools' links were measured to carry: a table of schools and Mbit/s, for instance of a round of speed tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from catalog import City
from catalog.problems import shown
from ops.cdns import sheet

FASTEST: Final = 400_000
"""Mbit/s, as in the catalog."""


def read(path: Path, city: City) -> dict[str, float]:
    """School code -> Mbit/s; the slowest counts where a school stands several times. Raises `UserError` with every problem."""
    table, found = sheet.read(path, ("school", "mbps")), dict[str, float]()
    for row in table.rows:
        code, mbps = row.cells["school"], _number(row.cells["mbps"])
        if code and code not in city.by_code:
            table.wrong(row.line, "school", f"{shown(code)} is not one of the city's schools")
        if row.cells["mbps"] and mbps is None:
            table.wrong(row.line, "mbps", f"{shown(row.cells['mbps'])} is no rate: write Mbit/s, for instance 18.5")
        if mbps is not None:
            found[code] = min(mbps, found.get(code, mbps))
    table.refuse()
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= FASTEST else None
