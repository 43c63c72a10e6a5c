"""What a dashboard consists of, whoever draws it: frozen rows, no word of Grafana or of a browser."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitoring.dashboards.words import Text

RANGE = "$__range"
"""In a query: the length of time on the screen. Grafana's own word for it; the viewer fills it in alike."""


class Unit(StrEnum):
    """How a number is written."""

    RATIO = "ratio"
    """0 to 1, shown as a percentage."""
    SECONDS = "seconds"
    """A short duration, as measured."""
    AGE = "age"
    """A long duration in seconds, in words."""
    MOMENT = "moment"
    """Unix seconds, shown as date and time of the city."""
    COUNT = "count"
    MBPS = "mbps"
    """Mbit/s."""


class Tone(StrEnum):
    """What a value means for whoever is on duty. Never said by colour alone."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


class Key(StrEnum):
    """A label whose values the catalog knows by name."""

    SCHOOL = "school"
    DISTRICT = "district"
    STATE = "state"


@dataclass(frozen=True)
class Limit:
    """On which side of which figure a value is good."""

    value: float
    at_least: bool
    source: Text
    """What the figure is, for the reader."""


@dataclass(frozen=True)
class Series:
    """One query of a number or a graph."""

    expr: str
    title: Text | None = None
    """Its name; None where ``by`` names each of its series."""
    by: Key | None = None
    """The label that tells its series apart."""
    tone: Tone | None = None
    """What it means, where no limit says so."""


@dataclass(frozen=True)
class Number:
    """One or more current values, large. A value that is not there is unknown, and is shown so."""

    id: str
    title: Text
    help: Text
    unit: Unit
    series: tuple[Series, ...]
    limit: Limit | None = None


@dataclass(frozen=True)
class Graph:
    """Values over time."""

    id: str
    title: Text
    help: Text
    unit: Unit
    series: tuple[Series, ...]
    limit: Limit | None = None


@dataclass(frozen=True)
class Column:
    """One column of a table: a value per row, or the value of a label."""

    title: Text
    expr: str
    unit: Unit = Unit.COUNT
    limit: Limit | None = None
    label: Key | None = None
    """Shows this label of the series instead of its value."""


@dataclass(frozen=True)
class Table:
    """One row per school or district of the catalog, heard from or not; columns join on ``key``."""

    id: str
    title: Text
    help: Text
    key: Key
    columns: tuple[Column, ...]


Panel = Number | Graph | Table


@dataclass(frozen=True)
class Dashboard:
    """Panels in reading order: what is wrong first, where it is wrong last."""

    id: str
    title: Text
    help: Text
    panels: tuple[Panel, ...]


def queries(dashboard: Dashboard) -> tuple[str, ...]:
    """Every PromQL expression of a dashboard, in order."""
    return tuple(
        row.expr for panel in dashboard.panels for row in (panel.columns if isinstance(panel, Table) else panel.series)
    )
