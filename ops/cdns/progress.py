"""How far the schools' boxes are with their nights: the plans in the bucket beside what the boxes last said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
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
    "withdrawals heard",
)
WAY_SECONDS: Final = 5
"""How old the list of what is withdrawn may be when a box is told: edge and shield keep it for a second each (`withdrawal.CACHE`)."""


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
    told: Mapping[str, float] = field(default_factory=dict)
    """When it last asked what was withdrawn, and was told, Unix seconds."""


@dataclass(frozen=True)
class Told:
    """What one school's box knows of what was withdrawn."""

    age: float
    """Seconds since it last asked, and was told."""
    missed: int
    """Withdrawals since then."""
    old: bool
    """Whether that is longer ago than a box may be silent: ``coverage.window_minutes`` of the catalog."""

    @property
    def text(self) -> str:
        """For a table."""
        missed = f"missed {self.missed} {'withdrawal' if self.missed == 1 else 'withdrawals'}"
        marks = ", ".join([*["too old"] * self.old, *[missed] * bool(self.missed)])
        return f"{link_samples.ago(self.age)}{marks and f' ({marks})'}"


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
    told: Told | None = None
    """None where it never said that it was told what is withdrawn."""


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
            last(names.METRIC_HEARD),
        )
    except ReadingsError as error:
        raise UserError(f"Prometheus gave no readings of the boxes: {error}. `huiju status` shows its parts") from error


def of(
    city: City, plans: Mapping[str, Mapping[str, Any]], said: Said, now: float, withdrawn: Iterable[float] = ()
) -> list[Progress]:
    """Every school of the catalog. ``withdrawn`` is when each withdrawal was made known, Unix seconds."""
    moments = list(withdrawn)
    return [
        replace(_school(code, plans.get(code), said, now), told=_told(city, said.told.get(code), moments, now))
        for code in city.by_code
    ]


def _told(city: City, at: float | None, withdrawn: Iterable[float], now: float) -> Told | None:
    allowed = city.coverage.window_seconds
    # A box whose clock is ahead would seem to have heard of everything.
    if at is None or at > now + allowed:
        return None
    age, missed = max(0.0, now - at), sum(each + WAY_SECONDS > at for each in withdrawn)
    return Told(age, missed, age > allowed)


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
        told = each.told.text if each.told else "unknown"
        mark = Text(f"● {each.state.value}", style=COLOURS.get(each.state, ""))
        cells = (each.school, city.school(each.school).name.zh, *sizes, str(each.failed), heard, hits, link, told)
        found.add_row(mark, *map(Text, cells))
    return found


def document(rows: Iterable[Progress]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [asdict(each) for each in rows]


def summary(rows: Iterable[Progress]) -> str:
    """Counts of each state, the bytes that are missing, and the boxes that may hold what was withdrawn."""
    listed = list(rows)
    counts = ", ".join(
        f"{count} {state.value}" for state in State if (count := sum(each.state is state for each in listed))
    )
    unknown = sum(each.told is None for each in listed)
    missed = sum(each.told is not None and each.told.missed > 0 for each in listed)
    gone = f"{missed} missed a withdrawal, {unknown} never said what they heard of withdrawals"
    return f"{len(listed)} schools: {counts}; {sum(each.missing for each in listed) / 1e9:.2f} GB missing; {gone}"
