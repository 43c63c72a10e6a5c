"""`huiju cdn budget` on paper: a row for each link, the tight ones first, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from catalog import City
from derive.link_budget import DAYS, Carrier, Verdict

HEADS = ("", "link", "", "promised", "when", "needs", "may take", "contracted", "measured", "largest that fits")


def table(city: City, verdicts: Iterable[Verdict]) -> Table:
    """Every link to which something is promised; rates in Mbit/s."""
    found = Table(
        *HEADS, box=None, pad_edge=False, caption="Mbit/s on the link, protocols included", caption_justify="left"
    )
    for each in sorted(verdicts, key=lambda one: (one.fits, one.carrier is Carrier.SCHOOL)):
        found.add_row(*_cells(city, each))
    return found


def _cells(city: City, each: Verdict) -> tuple[Text, ...]:
    mark = Text("● fits", style="green") if each.fits else Text("● does not fit", style="red")
    name = city.district(each.id).name if each.carrier is Carrier.DISTRICT else city.school(each.id).name
    when = f"{DAYS[each.weekday - 1]} {each.starts:%H:%M}" if each.weekday and each.starts else ""
    promised = f"{each.streams} {'stream' if each.streams == 1 else 'streams'}" if each.streams else "nothing"
    rates = (
        f"{each.needed:.1f}",
        f"{each.usable:.1f}",
        f"{each.contracted:g}" if each.contracted else "none",
        "" if each.measured is None else f"{each.measured:g}",
    )
    return (mark, *map(Text, (each.id, name.zh, promised, when, *rates, each.largest or "none")))


def document(city: City, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """All of it as plain data."""
    rows = [
        {**asdict(each), "starts": f"{each.starts:%H:%M}" if each.starts else None, "fits": each.fits}
        for each in verdicts
    ]
    return {"city": city.id, "fits": all(each.fits for each in verdicts), "links": rows}


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many links, and how many of them cannot keep what is promised."""
    promised = [each for each in verdicts if each.streams or not each.fits]
    tight = sum(not each.fits for each in verdicts)
    kept = "every promise fits" if not tight else f"{tight} cannot keep what is promised"
    return f"{len(verdicts)} links, {len(promised)} with live classes promised: {kept}"
