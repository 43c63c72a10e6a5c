"""City coverage: which schools the platform reaches, and where it does not."""

from __future__ import annotations

from catalog import City, names
from monitoring import rules
from monitoring.coverage import State
from monitoring.dashboards import limits
from monitoring.dashboards.panel import RANGE, Column, Dashboard, Graph, Key, Limit, Number, Series, Table, Tone, Unit
from monitoring.dashboards.words import Text

STATES = {
    State.COVERED.value: (Text(zh="已覆盖", en="Covered"), Tone.GOOD),
    State.STALE.value: (Text(zh="已过时", en="Stale"), Tone.BAD),
    State.UNKNOWN.value: (Text(zh="未知", en="Unknown"), Tone.UNKNOWN),
}
"""Verdicts of the coverage contract, as label ``state`` -> how they read and what they mean."""
NOW = Text(zh="此刻覆盖率", en="Covered now")
SHOWN = Text(zh="所选时间内的覆盖率", en="Covered over the time shown")


def dashboard(city: City) -> Dashboard:
    """The dashboard of ``city``."""
    limit = limits.coverage(city)
    return Dashboard(
        "city-coverage",
        Text(zh="全市覆盖", en="City coverage"),
        Text(
            zh="平台此刻够得着哪些学校：学校盒子刚经平台取到过一段课程，才算覆盖；没有消息算未知，不算覆盖。",
            en="Which schools the platform reaches now. A school is covered when its box has just fetched a piece of a lesson "
            "through the platform; a school without news is unknown, and unknown is not covered.",
        ),
        (_share(limit), _verdicts(), _judged(), _by_district(limit), _over_time(), _districts(limit), _schools()),
    )


def _share(limit: Limit | None) -> Number:
    return Number(
        "covered-share",
        Text(zh="覆盖率", en="Schools covered"),
        Text(zh="占目录中全部学校的比例。", en="Share of all schools of the catalog."),
        Unit.RATIO,
        (Series(rules.CITY_COVERAGE, Text(zh="全市", en="City")),),
        limit,
    )


def _verdicts() -> Number:
    return Number(
        "verdicts",
        Text(zh="各类学校数", en="Schools by verdict"),
        Text(
            zh="过时：上次取到课程已太久。未知：从未有过消息。",
            en="Stale: the last fetch is too long ago. Unknown: never heard from.",
        ),
        Unit.COUNT,
        tuple(
            Series(f'sum({names.METRIC_SCHOOL_STATE}{{state="{state}"}})', title, tone=tone)
            for state, (title, tone) in STATES.items()
        ),
    )


def _judged() -> Number:
    return Number(
        "judged",
        Text(zh="判定时间", en="Verdict of"),
        Text(
            zh="只在上课时间判定；此外沿用上一次的结果。",
            en="Judged in school hours; outside them the last verdict stands.",
        ),
        Unit.MOMENT,
        (Series(f"max({names.METRIC_SCHOOL_JUDGED})", Text(zh="最近一次", en="Last")),),
    )


def _by_district(limit: Limit | None) -> Graph:
    return Graph(
        "covered-by-district",
        Text(zh="各区县覆盖率", en="Coverage by district"),
        Text(zh="线中断处没有测量。", en="Where a line breaks off, nothing was measured."),
        Unit.RATIO,
        (Series(rules.DISTRICT_COVERAGE, by=Key.DISTRICT),),
        limit,
    )


def _over_time() -> Graph:
    return Graph(
        "verdicts-over-time",
        Text(zh="各类学校数的变化", en="Schools by verdict over time"),
        Text(zh="三条线相加是全部学校。", en="The three lines add up to all schools."),
        Unit.COUNT,
        (Series(f"sum by (state) ({names.METRIC_SCHOOL_STATE})", by=Key.STATE),),
    )


def _districts(limit: Limit | None) -> Table:
    over_time = f"avg_over_time({rules.DISTRICT_COVERAGE}[{RANGE}])"
    return Table(
        "districts",
        Text(zh="区县", en="Districts"),
        Text(zh="按目录逐一列出。", en="Every district of the catalog."),
        Key.DISTRICT,
        (
            Column(NOW, f"max by (district) ({rules.DISTRICT_COVERAGE})", Unit.RATIO, limit),
            Column(SHOWN, f"max by (district) ({over_time})", Unit.RATIO, limit),
            Column(Text(zh="学校数", en="Schools"), f"max by (district) ({names.METRIC_DISTRICT_SCHOOLS})"),
        ),
    )


def _schools() -> Table:
    over_time = f"avg_over_time({rules.SCHOOL_COVERAGE}[{RANGE}])"
    last = f"max by (school) ({names.METRIC_SCHOOL_AGE})"
    state = f"max by (school, state) ({names.METRIC_SCHOOL_STATE} == 1)"
    return Table(
        "schools",
        Text(zh="学校", en="Schools"),
        Text(zh="按目录逐一列出；最需要处理的在最前。", en="Every school of the catalog, what needs attention first."),
        Key.SCHOOL,
        (
            Column(Text(zh="判定", en="Verdict"), state, label=Key.STATE),
            Column(Text(zh="距上次取到课程", en="Since the last fetch"), last, Unit.AGE),
            Column(SHOWN, f"max by (school) ({over_time})", Unit.RATIO),
        ),
    )
