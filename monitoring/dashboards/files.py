"""Both forms of the dashboards, as they are committed and deployed."""

from __future__ import annotations

from catalog import City
from monitoring.dashboards import grafana, viewer
from monitoring.dashboards.panels import dashboards


def files(city: City) -> dict[str, str]:
    """Path below `monitoring/generated/<city>/` -> content."""
    boards = dashboards(city)
    forms = {"grafana": grafana.files(city, boards), "viewer": viewer.files(city, boards)}
    return {f"dashboards/{form}/{name}": text for form, made in forms.items() for name, text in made.items()}
