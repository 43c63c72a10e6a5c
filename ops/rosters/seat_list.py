"""What there is of a licence's paid seats: how many, what they cost, and who holds them at which school."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog import City
from catalog.access import Licence
from ops.rosters.holders import Holder
from ops.rosters.seating import Seat

NOWHERE = "-"
"""In the place of a school: of no place today."""


@dataclass(frozen=True)
class Seats:
    """All of it."""

    licence: str
    number: int
    given: int
    free: int
    """Below 0 where the catalog's number was lowered under what is given."""
    switched_off: int
    """Seats of people who are switched off: free, and theirs again with them unless they are passed on."""
    yuan_so_far: int
    """What the given ones cost."""
    yuan: int
    """What all of them cost."""
    holders: dict[str, list[str]]
    """Code of a school or office -> ids on the platform."""


def counted(of: Licence, seats: Sequence[Seat], found: Mapping[UUID, Holder]) -> Seats:
    """The seats that stand, and what the roster has of their holders."""
    number, price = (of.seats.number, of.seats.yuan_per_seat) if of.seats else (0, 0)
    holders: dict[str, list[str]] = {}
    for each in seats:
        if each.enabled:
            one = found.get(each.person)
            # Of several things the one by which they may use it.
            place = next((place for tier, place in one.capacities if tier in of.tiers), NOWHERE) if one else NOWHERE
            holders.setdefault(place, []).append(str(each.person))
    given = sum(each.enabled for each in seats)
    away = len(seats) - given
    return Seats(
        of.id, number, given, number - given, away, given * price, number * price, dict(sorted(holders.items()))
    )


def show(found: Seats, city: City, console: Console, *, as_json: bool = False) -> None:
    """In words, nobody by their id; ``as_json`` everybody."""
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    table = Table("School", "", "Holders", box=None, pad_edge=False)
    for place, people in found.holders.items():
        school = city.by_code.get(place)
        table.add_row(place, Text(school.name.zh if school else ""), f"{len(people):,}")
    if found.holders:
        console.print(table)
    console.print(Text(f"{found.licence}: {found.number:,} seats, {found.given:,} given, {found.free:,} free"))
    console.print(Text(f"{found.yuan_so_far:,} yuan so far, {found.yuan:,} yuan for all of them"))
    if found.switched_off:
        rest = "of people who are switched off are among the free, and theirs again with them unless passed on"
        console.print(Text(f"{found.switched_off:,} {rest}"))
