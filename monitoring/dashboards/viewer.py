"""The viewer's form of the dashboards: one JSON file per dashboard, and one of the names that labels stand for."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from catalog import City
from derive import readers
from monitoring.dashboards.coverage import STATES
from monitoring.dashboards.panel import Dashboard, Graph, Number, Panel
from monitoring.dashboards.words import both


def files(city: City, boards: tuple[Dashboard, ...]) -> dict[str, str]:
    """File name -> content, as the page at `/monitoring/` fetches them."""
    index = {**names(city), "dashboards": [_card(board) for board in boards]}
    return {
        "index.json": _text(index),
        "schools.json": schools(city),
        **{
            f"{board.id}.json": _text({**_card(board), "panels": [_panel(p) for p in board.panels]}) for board in boards
        },
    }


def names(city: City) -> dict[str, Any]:
    """What the page must know of the city: names of districts and verdicts, who may read, whose clock it is."""
    return {
        "city": both(city.name),
        "timezone": city.timezone,
        "readers": [{"id": tier.id, "title": both(tier.name)} for tier in readers.dashboard_tiers(city)],
        "names": {
            "district": {district.id: both(district.name) for district in city.districts},
            "state": {state: {**both(title), "tone": tone} for state, (title, tone) in STATES.items()},
        },
    }


def schools(city: City) -> str:
    """School code -> name and district: a line per school, so that a change of one is a change of one line."""
    rows = {school.code: {**both(school.name), "district": school.district} for school in city.schools}
    lines = (f"{json.dumps(code)}: {json.dumps(row, ensure_ascii=False)}" for code, row in rows.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _card(board: Dashboard) -> dict[str, Any]:
    return {"id": board.id, "title": both(board.title), "help": both(board.help)}


def _panel(panel: Panel) -> dict[str, Any]:
    kind = "number" if isinstance(panel, Number) else "graph" if isinstance(panel, Graph) else "table"
    return {"kind": kind, **{field.name: _plain(getattr(panel, field.name)) for field in fields(panel)}}


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Dataclasses, texts and enums as JSON has them."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
