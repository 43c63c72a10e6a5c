"""The neutral list: thresholds out of the catalog, both languages, and only series that there are."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from catalog import City, load_named, named, names
from catalog.target import Measure
from monitoring import rules
from monitoring.dashboards.panel import RANGE, Dashboard, Graph, Key, Number, Table, queries
from monitoring.dashboards.panels import dashboards
from monitoring.dashboards.words import Text

WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
PROMQL = {"sum", "max", "avg", "count", "by", "bool", "avg_over_time", "max_over_time"}
"""Words of the language that the panels use; whatever else stands in a query must be a series or a label."""
LABELS = {key.value for key in Key}
BOARDS = [board for name in named() for board in dashboards(load_named(name))]


def series() -> set[str]:
    """Every series that a panel may ask for: what the rules record, and what the exporter and the boxes publish."""
    recorded = {
        rule["record"] for name in named() for group in rules.groups(load_named(name)) for rule in group["rules"]
    }
    return recorded | {value for name, value in vars(names).items() if name.startswith("METRIC_")}


def asked(expr: str) -> set[str]:
    """Names of series in a query."""
    bare = re.sub(r'"[^"]*"|\[[^]]*\]|(?<!\w)\d+\.?\d*', " ", expr.replace("=", " "))
    return set(WORD.findall(bare)) - PROMQL - LABELS


def texts(thing: Any) -> list[Text]:
    if isinstance(thing, Text):
        return [thing]
    if isinstance(thing, tuple):
        return [text for each in thing for text in texts(each)]
    return texts(tuple(getattr(thing, f.name) for f in fields(thing))) if is_dataclass(thing) else []


def with_target(city: City, measure: Measure, **change: Any) -> City:
    """The city with its targets of ``measure`` changed; without any when nothing is given."""
    kept = tuple(each for each in city.targets if each.measure is not measure)
    changed = tuple(each.model_copy(update=change) for each in city.targets if each.measure is measure and change)
    return city.model_copy(update={"targets": kept + changed})


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_every_query_asks_only_for_series_that_something_publishes(board: Dashboard) -> None:
    strange = {name for expr in queries(board) for name in asked(expr)} - series()
    assert not strange


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("sum by (state) (a_b)", {"a_b"}),
        (f'max by (school) (x:y:p95_15m[{RANGE}]{{state="z"}}) > bool 3.0', {"x:y:p95_15m"}),
        ("a / b", {"a", "b"}),
    ],
)
def test_the_rule_sees_the_series_of_a_query(expr: str, found: set[str]) -> None:
    assert asked(expr) == found


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_every_text_is_there_in_both_languages(board: Dashboard) -> None:
    for text in texts(board):
        assert re.search(r"[\u4e00-\u9fff]|p95", text.zh) and not re.search(r"[\u4e00-\u9fff]", text.en), text
        assert text.zh.strip() and text.en.strip()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.id)
def test_numbers_come_before_graphs_and_graphs_before_tables(board: Dashboard) -> None:
    order = [(Number, Graph, Table).index(type(panel)) for panel in board.panels]
    assert order == sorted(order) and set(order) == {0, 1, 2}
    assert len({panel.id for panel in board.panels}) == len(board.panels)


def test_thresholds_are_the_citys_targets() -> None:
    tiny = load_named("tiny")
    changed = with_target(
        with_target(tiny, Measure.COVERED_SCHOOLS_PERCENT, value=80), Measure.SEGMENT_P95_MS, value=1234
    )
    coverage, latency = dashboards(changed)
    limits = {panel.id: panel.limit for panel in (*coverage.panels, *latency.panels) if not isinstance(panel, Table)}
    covered, fetch = limits["covered-share"], limits["city-p95"]
    assert covered and (covered.value, covered.at_least) == (0.8, True)
    assert fetch and (fetch.value, fetch.at_least) == (1.234, False)
    assert any("> bool 1.234" in expr for expr in queries(latency))


def test_a_city_without_a_target_gets_no_verdict_instead_of_a_made_up_one() -> None:
    bare = with_target(with_target(load_named("tiny"), Measure.COVERED_SCHOOLS_PERCENT), Measure.SEGMENT_P95_MS)
    for board in dashboards(bare):
        for panel in board.panels:
            limits = [c.limit for c in panel.columns] if isinstance(panel, Table) else [panel.limit]
            assert set(limits) == {None}
        assert not any("bool" in expr for expr in queries(board))
