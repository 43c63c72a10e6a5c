"""The neutral panel list: everything that is drawn anywhere is one row of these dashboards."""

from __future__ import annotations

from catalog import City
from monitoring.dashboards import coverage, latency
from monitoring.dashboards.panel import Dashboard


def dashboards(city: City) -> tuple[Dashboard, ...]:
    """Both dashboards, in the order of the list."""
    return coverage.dashboard(city), latency.dashboard(city)
