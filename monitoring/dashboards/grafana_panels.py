"""One panel of the neutral list as Grafana draws it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.builders import common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.models import common as styles
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from catalog import names
from monitoring.dashboards.coverage import STATES
from monitoring.dashboards.panel import Column, Graph, Key, Limit, Number, Panel, Series, Table, Tone, Unit
from monitoring.dashboards.words import UNKNOWN, Language, say

SOURCE_VARIABLE = "source"
SOURCE = model.DataSourceRef(type_val="prometheus", uid=f"${{{SOURCE_VARIABLE}}}")
"""Whoever imports the dashboard chooses which Prometheus it asks."""
UNITS = {
    Unit.RATIO: "percentunit",
    Unit.SECONDS: "s",
    Unit.AGE: "dtdurations",
    Unit.MOMENT: "dateTimeAsIso",
    Unit.COUNT: "short",
    Unit.MBPS: "Mbits",
}
COLOURS = {Tone.GOOD: "green", Tone.BAD: "red", Tone.UNKNOWN: "#8e8e8e"}
PLAIN = "text"
EVERY_ROW = {
    Key.SCHOOL: f"max by (school) ({names.METRIC_SCHOOL})",
    Key.DISTRICT: f"max by (district) ({names.METRIC_DISTRICT_SCHOOLS})",
}
"""Series that are there for every school and district of the catalog: without them a silent one would have no row."""
Values = Mapping[Key, Mapping[str, str]]
"""Label -> its value -> how it reads."""
Drawn = stat.Panel | timeseries.Panel | table.Panel


def draw(panel: Panel, tongue: Language, names: Values) -> Drawn:
    """The panel in Grafana's terms, without its place."""
    drawn: Drawn
    if isinstance(panel, Number):
        drawn = _number(panel, tongue)
    elif isinstance(panel, Graph):
        drawn = _graph(panel, tongue, names)
    else:
        drawn = _table(panel, tongue, names)
    drawn = drawn.title(say(panel.title, tongue)).description(say(panel.help, tongue)).datasource(SOURCE)
    return drawn.no_value(say(UNKNOWN, tongue))


def _number(panel: Number, tongue: Language) -> stat.Panel:
    made = (
        stat.Panel()
        .unit(UNITS[panel.unit])
        .thresholds(_thresholds(panel.limit))
        .mappings([_nothing(tongue)])
        .color_mode(styles.BigValueColorMode.VALUE)
        .graph_mode(styles.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for name, series in zip(_names(), panel.series, strict=False):
        made = made.with_target(_query(name, _scaled(series.expr, panel.unit), _legend(series, tongue)).instant())
        if series.tone:
            made = made.override_by_query(name, [_property("color", _fixed(COLOURS[series.tone]))])
    return made


def _graph(panel: Graph, tongue: Language, names: Values) -> timeseries.Panel:
    line = styles.GraphTresholdsStyleMode.DASHED if panel.limit else styles.GraphTresholdsStyleMode.OFF
    made = (
        timeseries.Panel()
        .unit(UNITS[panel.unit])
        .thresholds(_thresholds(panel.limit))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(line))
        .axis_soft_min(0)
        # A gap is a time without news, and stays one.
        .span_nulls(False)
        .legend(
            common.VizLegendOptions()
            .display_mode(styles.LegendDisplayMode.LIST)
            .show_legend(True)
            .placement(styles.LegendPlacement.BOTTOM)
        )
    )
    for name, series in zip(_names(), panel.series, strict=False):
        made = made.with_target(_query(name, series.expr, _legend(series, tongue)).range())
        for value, title in names[series.by].items() if series.by else ():
            made = made.override_by_name(value, [_property("displayName", title), *_state_colour(series.by, value)])
    return made


def _table(panel: Table, tongue: Language, names: Values) -> table.Panel:
    titles = {panel.key.value: say(panel.title, tongue)}
    hidden = {"Time": True}
    made = (
        table.Panel().show_header(True).with_target(_row_query("A", EVERY_ROW[panel.key])).mappings([_nothing(tongue)])
    )
    hidden["Value #A"] = True
    for name, column in zip(_names("B"), panel.columns, strict=False):
        made = made.with_target(_row_query(name, _scaled(column.expr, column.unit)))
        field = column.label.value if column.label else f"Value #{name}"
        titles[field] = say(column.title, tongue)
        if column.label:
            hidden[f"Value #{name}"] = True
        made = made.override_by_name(titles[field], list(_cell(column, names, tongue)))
    order = {"excludeByName": hidden, "renameByName": titles, "indexByName": {f: i for i, f in enumerate(titles)}}
    made = made.override_by_name(titles[panel.key.value], [_property("mappings", [_named(names[panel.key])])])
    made = made.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    return made.with_transformation(model.DataTransformerConfig(id_val="organize", options=order))


def _cell(column: Column, names: Values, tongue: Language) -> Iterator[model.DynamicConfigValue]:
    if column.label:
        yield _property("mappings", [_named(names[column.label], column.label), _nothing(tongue)])
    else:
        yield _property("unit", UNITS[column.unit])
        yield _property("thresholds", _thresholds(column.limit).build())
    if column.label or column.limit:
        yield _property("custom.cellOptions", {"type": "color-text"})


def _query(name: str, expr: str, legend: str) -> prom.Dataquery:
    return prom.Dataquery().ref_id(name).expr(expr).legend_format(legend).datasource(SOURCE)


def _row_query(name: str, expr: str) -> prom.Dataquery:
    return _query(name, expr, "").instant().format(PromQueryFormat.TABLE)


def _scaled(expr: str, unit: Unit) -> str:
    """Grafana takes moments in milliseconds."""
    return f"({expr}) * 1000" if unit is Unit.MOMENT else expr


def _legend(series: Series, tongue: Language) -> str:
    return f"{{{{{series.by}}}}}" if series.by else say(series.title or UNKNOWN, tongue)


def _names(first: str = "A") -> Iterator[str]:
    """Names of queries: A, B, C, ..."""
    return (chr(code) for code in range(ord(first), ord("Z") + 1))


def _thresholds(limit: Limit | None) -> build.ThresholdsConfig:
    steps = [model.Threshold(value=None, color=PLAIN)]
    if limit:
        below, above = (Tone.BAD, Tone.GOOD) if limit.at_least else (Tone.GOOD, Tone.BAD)
        # Grafana's step begins at its figure; a ceiling is kept by the figure itself.
        edge = limit.value if limit.at_least else math.nextafter(limit.value, math.inf)
        steps = [model.Threshold(value=None, color=COLOURS[below]), model.Threshold(value=edge, color=COLOURS[above])]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _nothing(tongue: Language) -> model.SpecialValueMap:
    """What stands where there is no value."""
    shown = model.ValueMappingResult(text=say(UNKNOWN, tongue), color=COLOURS[Tone.UNKNOWN])
    return model.SpecialValueMap(
        options=model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL_AND_NAN, result=shown)
    )


def _named(values: Mapping[str, str], key: Key | None = None) -> model.ValueMap:
    colours = {state: COLOURS[tone] for state, (_, tone) in STATES.items()} if key is Key.STATE else {}
    return model.ValueMap(
        options={
            value: model.ValueMappingResult(text=text, color=colours.get(value), index=place)
            for place, (value, text) in enumerate(values.items())
        }
    )


def _state_colour(key: Key | None, value: str) -> list[model.DynamicConfigValue]:
    return [_property("color", _fixed(COLOURS[STATES[value][1]]))] if key is Key.STATE else []


def _fixed(colour: str) -> dict[str, str]:
    return {"mode": "fixed", "fixedColor": colour}


def _property(name: str, value: Any) -> model.DynamicConfigValue:  # noqa: ANN401
    return model.DynamicConfigValue(id_val=name, value=value)
