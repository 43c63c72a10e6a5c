"""Grafana's form and the viewer's: both hold every panel of the list, and each is whole in itself."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard

from catalog import load_named, named
from derive import readers
from monitoring.dashboards import files, grafana_panels
from monitoring.dashboards.panel import Dashboard, Limit, Table, Unit
from monitoring.dashboards.panels import dashboards
from monitoring.dashboards.words import LANGUAGES, Language, Text, say

CASES = [(name, board, tongue) for name in named() for board in dashboards(load_named(name)) for tongue in LANGUAGES]
EACH = pytest.mark.parametrize(("name", "board", "tongue"), CASES, ids=[f"{n}-{b.id}-{t}" for n, b, t in CASES])


def form(name: str, path: str) -> Any:
    return json.loads(files.files(load_named(name))[f"dashboards/{path}"])


def grafana(name: str, board: Dashboard, tongue: Language) -> dict[str, Any]:
    found: dict[str, Any] = form(name, f"grafana/{board.id}.{tongue}.json")
    return found


@EACH
def test_grafana_has_every_panel_with_its_title_and_queries(name: str, board: Dashboard, tongue: Language) -> None:
    drawn = grafana(name, board, tongue)["panels"]
    assert [panel["title"] for panel in drawn] == [say(panel.title, tongue) for panel in board.panels]
    for panel, found in zip(board.panels, drawn, strict=True):
        rows = panel.columns if isinstance(panel, Table) else panel.series
        unit = Unit.COUNT if isinstance(panel, Table) else panel.unit
        wanted = [f"({row.expr}) * 1000" if unit is Unit.MOMENT else row.expr for row in rows]
        exprs = [target["expr"] for target in found["targets"]]
        # A table asks one thing more: the rows of the catalog.
        assert exprs == ([grafana_panels.EVERY_ROW[panel.key], *wanted] if isinstance(panel, Table) else wanted)


@EACH
def test_grafanas_own_model_reads_it_and_writes_the_same(name: str, board: Dashboard, tongue: Language) -> None:
    register_default_plugins()
    made = grafana(name, board, tongue)
    again = json.loads(JSONEncoder(sort_keys=True).encode(GrafanaDashboard.from_json(made)))
    assert again == made


@EACH
def test_grafana_asks_the_source_that_its_user_chooses(name: str, board: Dashboard, tongue: Language) -> None:
    made = grafana(name, board, tongue)
    (variable,) = made["templating"]["list"]
    asked = {json.dumps(each["datasource"]) for panel in made["panels"] for each in (panel, *panel["targets"])}
    assert asked == {json.dumps({"type": variable["query"], "uid": f"${{{variable['name']}}}"})}


@EACH
def test_panels_of_grafana_have_numbers_of_their_own_and_do_not_overlap(
    name: str, board: Dashboard, tongue: Language
) -> None:
    panels = grafana(name, board, tongue)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (place["x"] + dx, place["y"] + dy)
        for place in (panel["gridPos"] for panel in panels)
        for dx, dy in itertools.product(range(place["w"]), range(place["h"]))
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24


@EACH
def test_what_is_not_there_reads_unknown_in_grafana(name: str, board: Dashboard, tongue: Language) -> None:
    for panel in grafana(name, board, tongue)["panels"]:
        assert panel["fieldConfig"]["defaults"]["noValue"] == {"en": "unknown", "zh": "未知"}[tongue]


@pytest.mark.parametrize(
    ("at_least", "colours"), [(True, ["red", "green", "green"]), (False, ["green", "green", "red"])]
)
def test_the_figure_itself_keeps_the_limit(at_least: bool, colours: list[str]) -> None:
    """Grafana's colour is that of the last step at or below the value."""
    steps = grafana_panels._thresholds(Limit(3.0, at_least, Text("上限", "Limit"))).build().steps or []
    for value, colour in zip((2.999, 3.0, 3.001), colours, strict=True):
        assert [step.color for step in steps if step.value is None or step.value <= value][-1] == colour


@pytest.mark.parametrize(("name", "board"), [(n, b) for n, b, t in CASES if t == "en"])
def test_the_viewer_has_every_panel_in_both_languages(name: str, board: Dashboard) -> None:
    made = form(name, f"viewer/{board.id}.json")
    assert [panel["title"] for panel in made["panels"]] == [{"zh": p.title.zh, "en": p.title.en} for p in board.panels]
    for panel, found in zip(board.panels, made["panels"], strict=True):
        rows = panel.columns if isinstance(panel, Table) else panel.series
        assert [row["expr"] for row in found["columns" if isinstance(panel, Table) else "series"]] == [
            row.expr for row in rows
        ]


@pytest.mark.parametrize("name", named())
def test_the_viewer_knows_the_name_of_every_school_and_district_and_who_may_look(name: str) -> None:
    city, index, schools = load_named(name), form(name, "viewer/index.json"), form(name, "viewer/schools.json")
    assert schools == {
        school.code: {"zh": school.name.zh, "en": school.name.en, "district": school.district}
        for school in city.schools
    }
    assert set(index["names"]["district"]) == {district.id for district in city.districts}
    assert [reader["id"] for reader in index["readers"]] == [tier.id for tier in readers.dashboard_tiers(city)]
    assert [each["id"] for each in index["dashboards"]] == [board.id for board in dashboards(city)]


def test_five_thousand_schools_fit_into_one_config_map() -> None:
    """Kubernetes takes 1 MiB; a line per school is what grows."""
    made = files.files(load_named("neijiang"))
    viewer = {path: text for path, text in made.items() if path.startswith("dashboards/viewer/")}
    schools = viewer["dashboards/viewer/schools.json"]
    line = max(len(each.encode()) for each in schools.splitlines())
    rest = sum(len(text.encode()) for text in viewer.values()) - len(schools.encode())
    assert 5000 * line + rest < 2**20
