"""Lesson latency: how long a piece of a lesson takes to a school."""

from __future__ import annotations

from catalog import City, names
from monitoring import rules
from monitoring.dashboards import limits
from monitoring.dashboards.panel import RANGE, Column, Dashboard, Graph, Key, Limit, Number, Series, Table, Unit
from monitoring.dashboards.words import Text

CITY, SCHOOLS = Text(zh="全市", en="City"), Text(zh="学校", en="Schools")
NOW, WORST = Text(zh="此刻 p95", en="p95 now"), Text(zh="所选时间内最慢 p95", en="Slowest p95 over the time shown")


def dashboard(city: City) -> Dashboard:
    """The dashboard of ``city``."""
    limit = limits.fetch(city)
    numbers = (_p95(limit), *([_over(limit)] if limit else []), _measured())
    return Dashboard(
        "lesson-latency",
        Text(zh="课程取用时长", en="Lesson latency"),
        Text(
            zh="学校盒子经平台取一段课程要多久，每分钟量一次。p95：二十次里有十九次比它快。",
            en="How long a school's box takes to fetch a piece of a lesson through the platform, measured every minute. "
            "p95: nineteen fetches out of twenty were faster.",
        ),
        (*numbers, _by_district(limit), _cache_hits(), _districts(limit), _schools(limit)),
    )


def _p95(limit: Limit | None) -> Number:
    return Number(
        "city-p95",
        Text(zh="全市 p95", en="City p95"),
        Text(zh="最近 15 分钟。", en="Over the last 15 minutes."),
        Unit.SECONDS,
        (Series(rules.CITY_LATENCY, CITY),),
        limit,
    )


def _over(limit: Limit) -> Number:
    return Number(
        "schools-over",
        Text(zh="超过上限的学校", en="Schools over the limit"),
        Text(zh="只算最近 15 分钟有测量的学校。", en="Among the schools measured in the last 15 minutes."),
        Unit.COUNT,
        (Series(f"sum({rules.SCHOOL_LATENCY} > bool {limit.value!r})", SCHOOLS),),
        limits.NONE_OVER,
    )


def _measured() -> Number:
    return Number(
        "measured",
        Text(zh="有测量的学校", en="Schools measured"),
        Text(zh="最近 15 分钟内；其余学校的时长未知。", en="In the last 15 minutes; the others are unknown."),
        Unit.COUNT,
        (Series(f"count({rules.SCHOOL_LATENCY})", SCHOOLS),),
    )


def _by_district(limit: Limit | None) -> Graph:
    series = (
        Series(rules.CITY_LATENCY, CITY),
        Series(rules.DISTRICT_LATENCY, by=Key.DISTRICT),
    )
    return Graph(
        "p95-by-district",
        Text(zh="各区县 p95", en="p95 by district"),
        Text(zh="线中断处没有测量。", en="Where a line breaks off, nothing was measured."),
        Unit.SECONDS,
        series,
        limit,
    )


def _cache_hits() -> Graph:
    return Graph(
        "cache-hits",
        Text(zh="学校缓存命中率", en="Answered by the school's cache"),
        Text(zh="越高，学校外线越省。", en="The higher, the less travels over the school's link."),
        Unit.RATIO,
        (Series(f"avg({names.METRIC_CACHE_HITS})", Text(zh="全市平均", en="City, mean")),),
    )


def _districts(limit: Limit | None) -> Table:
    worst = f"max_over_time({rules.DISTRICT_LATENCY}[{RANGE}])"
    return Table(
        "districts",
        Text(zh="区县", en="Districts"),
        Text(zh="按目录逐一列出。", en="Every district of the catalog."),
        Key.DISTRICT,
        (
            Column(NOW, f"max by (district) ({rules.DISTRICT_LATENCY})", Unit.SECONDS, limit),
            Column(WORST, f"max by (district) ({worst})", Unit.SECONDS, limit),
        ),
    )


def _schools(limit: Limit | None) -> Table:
    worst = f"max_over_time({rules.SCHOOL_LATENCY}[{RANGE}])"
    hits = f"max by (school) ({names.METRIC_CACHE_HITS})"
    link = f"max by (school) ({names.METRIC_LINK})"
    return Table(
        "schools",
        SCHOOLS,
        Text(zh="按目录逐一列出；最需要处理的在最前。", en="Every school of the catalog, what needs attention first."),
        Key.SCHOOL,
        (
            Column(NOW, f"max by (school) ({rules.SCHOOL_LATENCY})", Unit.SECONDS, limit),
            Column(WORST, f"max by (school) ({worst})", Unit.SECONDS, limit),
            Column(Text(zh="缓存命中率", en="Cache hits"), hits, Unit.RATIO),
            Column(Text(zh="线路实测", en="Link, measured"), link, Unit.MBPS),
        ),
    )
