"""Grafana's form of the dashboards, one file per language, made with Grafana's own builders."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import GridPos

from catalog import City
from monitoring.dashboards import grafana_panels
from monitoring.dashboards.coverage import STATES
from monitoring.dashboards.panel import Dashboard, Graph, Key, Number, Table
from monitoring.dashboards.words import LANGUAGES, Language, say

HEIGHTS: dict[type, int] = {Number: 5, Graph: 9, Table: 14}
"""Rows of Grafana's grid; panels of one kind share one row of the page, 24 columns wide."""


def files(city: City, boards: tuple[Dashboard, ...]) -> dict[str, str]:
    """File name -> JSON, as Grafana imports or provisions it."""
    return {f"{board.id}.{tongue}.json": _text(city, board, tongue) for board in boards for tongue in LANGUAGES}


def _text(city: City, board: Dashboard, tongue: Language) -> str:
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(_dashboard(city, board, tongue)) + "\n"


def _dashboard(city: City, board: Dashboard, tongue: Language) -> object:
    source = build.DatasourceVariable(grafana_panels.SOURCE_VARIABLE).type("prometheus").label("Prometheus")
    made = (
        build.Dashboard(f"{say(board.title, tongue)} · {say(city.name, tongue)}")
        .uid(f"{board.id}-{tongue}")
        .description(say(board.help, tongue))
        .tags([city.id])
        .timezone(city.timezone)
        .time("now-6h", "now")
        .refresh("1m")
        .readonly()
        .with_variable(source)
    )
    names = _names(city, tongue)
    for number, (panel, place) in enumerate(zip(board.panels, places(board), strict=True), 1):
        made.with_panel(grafana_panels.draw(panel, tongue, names).id(number).grid_pos(place))
    return made.build()


def places(board: Dashboard) -> Iterator[GridPos]:
    """Where each panel stands: numbers, then graphs, then tables."""
    top = 0
    for kind, height in HEIGHTS.items():
        count = sum(isinstance(panel, kind) for panel in board.panels)
        for place in range(count):
            yield GridPos(h=height, w=24 // count, x=place * (24 // count), y=top)
        top += height


def _names(city: City, tongue: Language) -> grafana_panels.Values:
    return {
        Key.SCHOOL: {school.code: say(school.name, tongue) for school in city.schools},
        Key.DISTRICT: {district.id: say(district.name, tongue) for district in city.districts},
        Key.STATE: {state: say(title, tongue) for state, (title, _) in STATES.items()},
    }
