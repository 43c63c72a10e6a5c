"""`huiju coverage`: which schools the platform reaches, by the contract of `monitoring.coverage`, as Prometheus has it now."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import httpx
import typer
from rich.table import Table
from rich.text import Text

import catalog
from catalog import City, names
from catalog.errors import UserError
from infra.plan import ports
from monitoring.coverage import State
from ops.console import console
from ops.lessons import place

app = typer.Typer()
COLOURS = {State.COVERED: "green", State.STALE: "red", State.UNKNOWN: "yellow"}
METRICS = (names.METRIC_SCHOOL_STATE, names.METRIC_SCHOOL_HEARD, names.METRIC_SCHOOL_JUDGED)
QUERY = f'{{__name__=~"{"|".join(METRICS)}"}}'
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]


@dataclass(frozen=True)
class Reach:
    """One school: its state, when it was judged and when it was last heard (Unix seconds)."""

    school: str
    district: str
    state: str
    judged: float | None = None
    fetched: float | None = None


@app.command()
def coverage(
    stack: Stack = "local",
    district: Annotated[str | None, typer.Option(metavar="ID", help="List this district's schools.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: every school.")] = False,
) -> None:
    """Which schools fetched a lesson in time; unknown is never counted as covered."""
    where = place.of_stack(stack)
    city = catalog.load_named(where.city)
    if district and district not in city.by_district:
        raise UserError(f"{district!r} is no district; there are: {', '.join(city.by_district)}")
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as url:
        schools = reaches(city, ask(url))
    if as_json:
        typer.echo(json.dumps(document(city, schools), ensure_ascii=False, indent=2))
        return
    shown = _schools(city, schools, district) if district else _districts(city, schools)
    console().print(shown)


def ask(url: str) -> list[dict[str, Any]]:
    """The exporter's series as Prometheus at ``url`` has them now. Raises `UserError` with its reason."""
    try:
        answer = httpx.post(f"{url}/api/v1/query", data={"query": QUERY}, timeout=30).raise_for_status().json()
        found: list[dict[str, Any]] = answer["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise UserError(f"Prometheus gave no coverage: {error}. `huiju status` shows its parts") from error
    return found


def reaches(city: City, series: Iterable[dict[str, Any]]) -> list[Reach]:
    """Every school of the catalog; one of which nothing was published is unknown."""
    values: dict[tuple[str, str], float] = {}
    states: dict[str, str] = {}
    for row in series:
        labels, number = row["metric"], float(row["value"][1])
        if labels["__name__"] != names.METRIC_SCHOOL_STATE:
            values[labels["__name__"], labels["school"]] = number
        elif number:
            states[labels["school"]] = labels["state"]
    return [
        Reach(
            each.code,
            each.district,
            states.get(each.code, State.UNKNOWN.value),
            values.get((names.METRIC_SCHOOL_JUDGED, each.code)),
            values.get((names.METRIC_SCHOOL_HEARD, each.code)),
        )
        for each in city.schools
    ]


def document(city: City, schools: list[Reach]) -> dict[str, Any]:
    """All of it as plain data."""
    rows = {each.id: _share([one for one in schools if one.district == each.id]) for each in city.districts}
    return {"city": city.id, "ratio": _share(schools), "districts": rows, "schools": [asdict(each) for each in schools]}


def _share(schools: list[Reach]) -> float:
    return sum(each.state == State.COVERED for each in schools) / len(schools) if schools else 0.0


def _districts(city: City, schools: list[Reach]) -> Table:
    table = Table("district", "", "schools", *(state.value for state in State), "coverage", box=None, pad_edge=False)
    groups = {each.id: [one for one in schools if one.district == each.id] for each in city.districts}
    for row in city.districts:
        table.add_row(row.id, Text(row.name.zh), *_counts(groups[row.id]))
    table.add_row(city.id, Text(city.name.zh), *_counts(schools), style="bold")
    return table


def _counts(schools: list[Reach]) -> list[str]:
    counts = [str(sum(each.state == state for each in schools)) for state in State]
    return [str(len(schools)), *counts, f"{_share(schools):.1%}"]


def _schools(city: City, schools: list[Reach], district: str) -> Table:
    table = Table("", "school", "", "last fetch", "judged for", box=None, pad_edge=False)
    for each in (one for one in schools if one.district == district):
        state, name = State(each.state), city.school(each.school).name.zh
        mark = Text(f"● {state.value}", style=COLOURS[state])
        table.add_row(mark, each.school, Text(name), _moment(each.fetched, city), _moment(each.judged, city))
    return table


def _moment(seconds: float | None, city: City) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(city.timezone)).strftime("%Y-%m-%d %H:%M:%S")
