"""`huiju cdn budget` on paper: a row for each link, the tight ones first, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import Any

from rich.table import Table
from rich.text import Text

from catalog import City
from derive.link_budget import DAYS, Carrier, Verdict
from ops.cdns.link_samples import Sample

NOTHING: Mapping[str, Sample] = MappingProxyType({})
HEADS = ("", "link", "", "promised", "when", "needs", "may take", "contracted", "measured", "largest that fits")


def table(city: City, verdicts: Iterable[Verdict], samples: Mapping[str, Sample] = NOTHING) -> Table:
    """Every link to which something is promised; rates in Mbit/s. ``samples`` are what boxes measured, by school code."""
    found = Table(
        *HEADS, box=None, pad_edge=False, caption="Mbit/s on the link, protocols included", caption_justify="left"
    )
    for each in sorted(verdicts, key=lambda one: (one.fits, one.carrier is Carrier.SCHOOL)):
        found.add_row(*_cells(city, each, samples.get(each.id)))
    return found


def _cells(city: City, each: Verdict, sample: Sample | None) -> tuple[Text, ...]:
    mark = Text("● fits", style="green") if each.fits else Text("● does not fit", style="red")
    name = city.district(each.id).name if each.carrier is Carrier.DISTRICT else city.school(each.id).name
    when = f"{DAYS[each.weekday - 1]} {each.starts:%H:%M}" if each.weekday and each.starts else ""
    promised = f"{each.streams} {'stream' if each.streams == 1 else 'streams'}" if each.streams else "nothing"
    if each.recorded:
        promised += f", with {len(each.recorded)} recorded"
    rates = (
        f"{each.needed:.1f}",
        f"{each.usable:.1f}",
        f"{each.contracted:g}" if each.contracted else "none",
        _measured(each.measured, sample),
    )
    return (mark, *map(Text, (each.id, name.zh, promised, when, *rates, each.largest or "none")))


def _measured(mbps: float | None, sample: Sample | None) -> str:
    """What counts, with its age where the box measured it; a sample that does not count is shown all the same."""
    if sample and (mbps is None or mbps == sample.mbps):
        return sample.text
    return "" if mbps is None else f"{mbps:g}"


def document(city: City, verdicts: Sequence[Verdict], samples: Mapping[str, Sample] = NOTHING) -> dict[str, Any]:
    """All of it as plain data; ``sample`` is what the school's own box measured."""
    rows = [
        {
            **asdict(each),
            "starts": f"{each.starts:%H:%M}" if each.starts else None,
            "fits": each.fits,
            "sample": asdict(samples[each.id]) if each.id in samples else None,
        }
        for each in verdicts
    ]
    return {"city": city.id, "fits": all(each.fits for each in verdicts), "links": rows}


def summary(verdicts: Sequence[Verdict], day: date | None = None) -> str:
    """How many links, and how many of them cannot keep what is promised; ``day`` is that of the recorded lessons among it."""
    promised = [each for each in verdicts if each.streams or not each.fits]
    tight = sum(not each.fits for each in verdicts)
    kept = "every promise fits" if not tight else f"{tight} cannot keep what is promised"
    what = f"live classes promised or lessons of {day} that no night brings" if day else "live classes promised"
    return f"{len(verdicts)} links, {len(promised)} with {what}: {kept}"
