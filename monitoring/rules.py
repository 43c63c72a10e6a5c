"""Recording rules: school -> district -> city. Pure; nothing of the catalog but numbers goes into a query.

A level's name says what it adds up: `school:`, `district:`, `city:`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from catalog import City, names
from monitoring import slo

Rule = dict[str, Any]
INTERVAL_SECONDS: Final = 30
"""How often rules are worked out."""

SCHOOL_COVERAGE: Final = "school:city_school_coverage:ratio"
DISTRICT_COVERAGE: Final = "district:city_school_coverage:ratio"
CITY_COVERAGE: Final = "city:city_school_coverage:ratio"
SCHOOL_LATENCY: Final = "school:lesson_fetch_seconds:p95_15m"
DISTRICT_LATENCY: Final = "district:lesson_fetch_seconds:p95_15m"
"""What 95 of 100 schools stay under, each by its own p95: a box sends one number per fetch, not a histogram."""
CITY_LATENCY: Final = "city:lesson_fetch_seconds:p95_15m"
VOLUME_FREE: Final = "volume:free:ratio"
"""Free share of every volume that a claim holds, and of every node's disk."""


def record(name: str, expression: str, **labels: str) -> Rule:
    """One recording rule."""
    return {"record": name, "expr": expression, **({"labels": labels} if labels else {})}


def group(name: str, rules: Iterator[Rule], seconds: int = INTERVAL_SECONDS) -> dict[str, Any]:
    """Rules that are worked out one after the other."""
    return {"name": name, "interval": f"{seconds}s", "rules": list(rules)}


def groups(city: City) -> list[dict[str, Any]]:
    """Every group of recording rules, in the order in which one stands on the other."""
    return [
        group("coverage", _coverage()),
        group("latency", _latency()),
        group("volumes", _volumes()),
        group("front-door", slo.records(city, INTERVAL_SECONDS)),
    ]


def _coverage() -> Iterator[Rule]:
    yield record(SCHOOL_COVERAGE, f"max by (school, district) ({names.METRIC_SCHOOL_COVERAGE})")
    yield record(DISTRICT_COVERAGE, f"avg by (district) ({SCHOOL_COVERAGE})")
    yield record(CITY_COVERAGE, f"avg({SCHOOL_COVERAGE})")


def _latency() -> Iterator[Rule]:
    own = f"max by (school) (quantile_over_time(0.95, {names.METRIC_FETCH_SECONDS}[15m]))"
    # Readings carry a school's code and nothing else: its district comes from the catalog.
    yield record(SCHOOL_LATENCY, f"{own} * on (school) group_left (district) {_schools()}")
    yield record(DISTRICT_LATENCY, f"quantile by (district) (0.95, {SCHOOL_LATENCY})")
    yield record(CITY_LATENCY, f"quantile(0.95, {SCHOOL_LATENCY})")


def _schools() -> str:
    return f"max by (school, district) ({names.METRIC_SCHOOL})"


def _volumes() -> Iterator[Rule]:
    claim = "max by (namespace, persistentvolumeclaim)"
    volume = f"{claim} (kubelet_volume_stats_available_bytes) / {claim} (kubelet_volume_stats_capacity_bytes)"
    # The kubelet tells of every mount; those of a disk begin so, shared memory alone excepted.
    disk = 'id="/", device=~"/dev/.+", device!="/dev/shm"'
    used, size = (f"max by (node, device) (container_fs_{word}_bytes{{{disk}}})" for word in ("usage", "limit"))
    yield record(VOLUME_FREE, f"{volume} or 1 - {used} / ({size} > 0)")
