"""How much processor time does monitoring cost: a scrape of 100,000 series, judging coverage, making the rules?

A scrape is measured against prometheus_client's own two ways, a `Gauge` with labels and a collector of families, on the same series and
the same numbers, in turns; the three pages are equal byte for byte in every round, or the run fails. Once every number is new in every
round (ages), once most are 0 or 1 (coverage). Judging is one refresh of the exporter from readings in memory: verdicts, and the whole page.
Seconds are of the processor.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from catalog import City, load
from catalog.synthetic import write_city
from monitoring import coverage, exposition, facts, generate
from monitoring.coverage import State
from monitoring.exposition import Families, Table
from monitoring.tables import Tables

TITLE = "Monitoring"
REPEATS = 7
SERIES = 100_000
COVERED = 0.9
"""Share of made-up schools that are heard."""
SIZES = (320, 5_000)
LABELS = ("school", "district", "locality", "wave")
Way = Callable[[list[float]], bytes]


def run() -> list[dict[str, Any]]:
    """Scrapes, judgements and rules."""
    rows = [row for kind in ("every number new", "0 or 1") for row in _scrapes(kind)]
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            city = _city(Path(folder) / str(size), size)
            rows += [_judging(city, size), _generating(city, size)]
    return rows


def _ways() -> dict[str, Way]:
    rows = [(f"{number:010d}", f"district-{number // 250}", "village", "last-wave") for number in range(SERIES)]
    table = Table(exposition.Gauge("city_x_seconds", "x", LABELS), rows)
    registry = CollectorRegistry()
    gauge = Gauge("city_x_seconds", "x", LABELS, registry=registry)
    children = [gauge.labels(*row) for row in rows]

    def own(values: list[float]) -> bytes:
        return exposition.page([(table, values)])

    def labelled(values: list[float]) -> bytes:
        for child, value in zip(children, values, strict=True):
            child.set(value)
        return generate_latest(registry)

    def families(values: list[float]) -> bytes:
        fresh = CollectorRegistry()
        fresh.register(Families([(table, values)]))
        return generate_latest(fresh)

    return {
        "this exporter": own,
        "prometheus_client, Gauge with labels": labelled,
        "prometheus_client, families": families,
    }


def _numbers(kind: str, turn: int) -> list[float]:
    chance = random.Random(turn)  # noqa: S311  # figures, not secrets
    if kind == "0 or 1":
        return [float(chance.random() < COVERED) for _ in range(SERIES)]
    return [chance.random() * 1e5 for _ in range(SERIES)]


def _scrapes(kind: str) -> list[dict[str, Any]]:
    ways, taken = _ways(), dict[str, list[float]]()
    for turn in range(REPEATS + 1):
        values, pages = _numbers(kind, turn), []
        order = list(ways.items())
        for name, way in order[turn % 3 :] + order[: turn % 3]:
            seconds, page = _cpu(lambda way=way, values=values: way(values))  # type: ignore[misc]
            pages.append(page)
            if turn:  # the first warms up
                taken.setdefault(name, []).append(seconds)
        if len(set(pages)) != 1:
            raise AssertionError("the pages differ")
    note = "pages equal in every round"
    return [_row(f"scrape of {SERIES:,} series, {kind}: {name}", taken[name], note) for name in ways]


def _judging(city: City, size: int) -> dict[str, Any]:
    known = facts.of(city)
    tables, now = Tables(known), datetime(2026, 11, 24, 10, tzinfo=ZoneInfo(city.timezone)).timestamp()
    chance = random.Random(size)  # noqa: S311
    heard = {row.code: now - chance.random() * 1200 for row in known.schools if chance.random() < COVERED}

    def refresh() -> tuple[int, bytes]:
        at = coverage.moments(known, now)
        verdicts = coverage.judge(known, at, dict.fromkeys(at, heard))
        page = exposition.page(tables.columns(verdicts, heard, now, now))
        return sum(each.state is State.COVERED for each in verdicts.values()), page

    runs = [_cpu(refresh) for _ in range(REPEATS + 1)]
    if len({found for _, found in runs}) != 1 or runs[0][1][0] != sum(
        now - last <= known.window for last in heard.values()
    ):
        raise AssertionError("the verdicts differ")
    return _row(
        f"coverage of {size:,} schools, judged and written",
        [seconds for seconds, _ in runs[1:]],
        "same verdicts in every round",
    )


def _generating(city: City, size: int) -> dict[str, Any]:
    runs = [_cpu(lambda: generate.files(city)) for _ in range(REPEATS + 1)]
    if any(files != runs[0][1] for _, files in runs):
        raise AssertionError("the files differ")
    return _row(
        f"rules, routes and facts of {size:,} schools",
        [seconds for seconds, _ in runs[1:]],
        "all files of `make generate`, same in every round",
    )


def _city(folder: Path, size: int) -> City:
    write_city(folder, size)
    return load(folder)


def _cpu(what: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    found = what()
    return time.process_time() - before, found


def _row(name: str, seconds: Sequence[float], note: str) -> dict[str, Any]:
    middle = statistics.median(seconds)
    return {
        "name": name,
        "n": len(seconds),
        "unit": "s",
        "median": middle,
        "min": min(seconds),
        "max": max(seconds),
        "cpu_seconds": middle,
        "note": note,
    }
