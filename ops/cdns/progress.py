"""How far the schools' boxes are with their nights: the plans in the bucket beside what the boxes last said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from catalog import City, names
from catalog.errors import UserError
from monitoring.readings import Prometheus, ReadingsError
from ops.cdns import link_samples
from ops.cdns.link_samples import Sample

HEADS: Final = (
    "",
    "school",
    "",
    "planned GB",
    "fetched GB",
    "missing GB",
    "failed",
    "last word",
    "hits",
    "link Mbit/s",
)


class State(StrEnum):
    """How far a box is. What it has not said is never taken for done."""

    NONE = "no plan"
    DONE = "fetched"
    WAITING = "waits for the night"
    FETCHING = "fetching"
    MISSING = "not all fetched"
    OTHER = "not heard of it"
    """The box has said nothing yet about the plan that lies in the bucket."""


COLOURS: Final = {State.DONE: "green", State.MISSING: "red", State.OTHER: "yellow"}


@dataclass(frozen=True)
class Said:
    """What boxes last said, by school code; who never said anything is in none of them."""

    made: Mapping[str, float]
    """When the plan was made that the box has, Unix seconds."""
    fetched: Mapping[str, float]
    """Bytes of it that it has."""
    failed: Mapping[str, float]
    hits: Mapping[str, float]
    heard: Mapping[str, float]
    """Its last good fetch through the platform, Unix seconds."""
    links: Mapping[str, Sample] = field(default_factory=dict)
    """What it measured its link to carry."""


@dataclass(frozen=True)
class Progress:
    """One school."""

    school: str
    state: State
    planned: int
    """Bytes."""
    fetched: int
    missing: int
    failed: int
    silent_seconds: float | None
    """How long ago the box's last word is; None where there is none."""
    hits: float | None
    """Share of what its viewers asked for that it had."""
    link: Sample | None = None
    """What it last measured its link to carry; None where it has not said."""


def ask(url: str, city: City, at: float) -> Said:
    """What the boxes last said to Prometheus at ``url``. Raises `UserError` with its reason."""
    prometheus, span = Prometheus(url), f"{city.coverage.late_days}d"

    def last(metric: str) -> dict[str, float]:
        return prometheus.query(f"max by (school) (last_over_time({metric}[{span}]))", at)

    try:
        return Said(
            last(names.METRIC_PREFETCH_MADE),
            last(names.METRIC_PREFETCH_FETCHED),
            last(names.METRIC_PREFETCH_FAILED),
            last(names.METRIC_CACHE_HITS),
            prometheus.fetched(at, span),
            link_samples.ask(url, city, at),
        )
    except ReadingsError as error:
        raise UserError(f"Prometheus gave no readings of the boxes: {error}. `huiju status` shows its parts") from error


def of(city: City, plans: Mapping[str, Mapping[str, Any]], said: Said, now: float) -> list[Progress]:
    """Every school of the catalog."""
    return [_school(code, plans.get(code), said, now) for code in city.by_code]


def _school(code: str, plan: Mapping[str, Any] | None, said: Said, now: float) -> Progress:
    items = plan["items"] if plan else []
    planned = sum(int(item["bytes"]) for item in items)
    current = plan is not None and said.made.get(code) == _moment(str(plan["made"]))
    fetched = min(planned, int(said.fetched.get(code, 0))) if current else 0
    heard = said.heard.get(code)
    return Progress(
        code,
        _state(plan, planned, fetched, current, now),
        planned,
        fetched,
        planned - fetched,
        int(said.failed.get(code, 0)) if current else 0,
        None if heard is None else max(0.0, now - heard),
        said.hits.get(code),
        said.links.get(code),
    )


def _state(plan: Mapping[str, Any] | None, planned: int, fetched: int, current: bool, now: float) -> State:
    if plan is None or not planned:
        return State.NONE
    if fetched == planned:
        return State.DONE
    if now >= plan["window"]["not_after"]:
        return State.MISSING
    if not current:
        return State.OTHER
    return State.WAITING if now < plan["window"]["not_before"] else State.FETCHING


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def table(city: City, rows: Iterable[Progress]) -> Table:
    """One row a school."""
    found = Table(*HEADS, box=None, pad_edge=False)
    for each in rows:
        sizes = (f"{size / 1e9:.2f}" for size in (each.planned, each.fetched, each.missing))
        heard = "never" if each.silent_seconds is None else link_samples.ago(each.silent_seconds)
        hits = "unknown" if each.hits is None else f"{each.hits:.1%}"
        link = each.link.text if each.link else "not measured"
        mark = Text(f"● {each.state.value}", style=COLOURS.get(each.state, ""))
        cells = (each.school, city.school(each.school).name.zh, *sizes, str(each.failed), heard, hits, link)
        found.add_row(mark, *map(Text, cells))
    return found


def document(rows: Iterable[Progress]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [asdict(each) for each in rows]


def summary(rows: Iterable[Progress]) -> str:
    """Counts of each state, and the bytes that are missing."""
    listed = list(rows)
    counts = ", ".join(
        f"{count} {state.value}" for state in State if (count := sum(each.state is state for each in listed))
    )
    return f"{len(listed)} schools: {counts}; {sum(each.missing for each in listed) / 1e9:.2f} GB missing"
