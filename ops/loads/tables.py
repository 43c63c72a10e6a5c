"""What is shown of load tests: the capacity plan, what a run will ask for, the verdicts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Column, Table
from rich.text import Text

from catalog import City
from derive import figures
from loadtests.model import Model
from loadtests.schedule import Plan
from loadtests.verdict import TITLES, Outcome, Verdict, cells
from ops.loads.orders import Expected

COLOURS = {Outcome.MET: "green", Outcome.MISSED: "bold red", Outcome.UNKNOWN: "yellow"}

BEYOND = (
    "at its busiest this run asks {where} {asked} times a second, and each pod of the gateway lets {passes} in: expect refusals (429). "
    "A longer --minutes, a shorter --span or a smaller --scale asks less; the city's limit is its `admission.headroom`."
)


def capacity(city: City, caches: Iterable[float]) -> Table:
    """What the busiest moments of a school day ask of the platform, for each share that school caches serve."""
    numbers = ("sign-ins/s", "players", "requests/s", "Mbit/s out", "Mbit/s store")
    right = [Column(name, justify="right") for name in ("at", "school caches", *numbers)]
    table = Table(
        "moment", *right, title=f"{city.name.zh} {city.name.en}: a school day", title_justify="left", box=None
    )
    for cache in caches:
        for name, load in Model(city, cache).busiest.items():
            values = (load.sign_ins, load.players, load.requests, load.mbps, load.store_mbps)
            table.add_row(name, clock(load.moment), f"{cache:.0%}", *(_short(value) for value in values))
    return table


def _short(value: float) -> str:
    """Three digits, or all of a large number."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004


def sources() -> Table:
    """Every figure that the plan rests on beside the catalog, with its source."""
    table = Table("figure", Column("value", justify="right"), "unit", "source", box=None)
    for name, figure in vars(figures).items():
        if isinstance(figure, figures.Figure):
            table.add_row(name.lower().replace("_", " "), f"{figure.value:.3g}", figure.unit, figure.source)
    return table


def run(city: City, plan: Plan, expected: Expected, generator: str) -> Table:
    """What a run will do."""
    table = Table(show_header=False, box=None)
    people = ", ".join(f"{count} {kind}" for kind, count in expected.people.items() if count)
    rows = {
        "city": f"{city.name.zh} {city.name.en}",
        "window": f"{clock(plan.starts)} to {clock(plan.ends)} in {plan.seconds:.0f} s ({plan.speed:.3g} times as fast)",
        "scale": f"{plan.scale:g} of the city's load at each moment",
        "people": people,
        "at its height": f"{expected.players} players, {expected.requests:.0f} segments/s, {expected.mbps:,.0f} Mbit/s",
        "generator": generator,
    }
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), value)
    return table


def verdicts(rows: Iterable[Verdict]) -> Table:
    """Target, measured, verdict."""
    table = Table(*TITLES, box=None)
    for each in rows:
        name, measured, limit, outcome, samples, why = cells(each)
        table.add_row(name, measured, limit, Text(outcome, style=COLOURS[each.outcome]), samples, why)
    return table


def clock(second: float) -> str:
    """Seconds after midnight as HH:MM."""
    return f"{int(second) // 3600:02d}:{int(second) // 60 % 60:02d}"
