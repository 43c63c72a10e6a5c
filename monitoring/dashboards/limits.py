"""Thresholds of the panels, out of the catalog's targets."""

from __future__ import annotations

from catalog import City
from catalog.target import Direction, Measure
from monitoring.dashboards.panel import Limit
from monitoring.dashboards.words import Text

NONE_OVER = Limit(0, at_least=False, source=Text(zh="一所也不应超", en="None may be over"))
"""Good only where nothing breaks the rule that is counted."""


def coverage(city: City) -> Limit | None:
    """The share of schools that must be covered, as a ratio."""
    return _limit(city, Measure.COVERED_SCHOOLS_PERCENT, 100)


def fetch(city: City) -> Limit | None:
    """How long a lesson's segment may take to a school, in seconds."""
    return _limit(city, Measure.SEGMENT_P95_MS, 1000)


def _limit(city: City, measure: Measure, per: float) -> Limit | None:
    """The first target of this measure; None, and hence no verdict, where the city has set none."""
    for target in city.targets:
        if target.measure is measure:
            return Limit(
                target.value / per, target.direction is Direction.AT_LEAST, Text(target.name.zh, target.name.en)
            )
    return None
