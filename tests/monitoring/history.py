"""Two and a half hours of a made-up afternoon in a city, as the exporter and the boxes would have published it.

Schools are covered but for two: the one before the last fell silent forty minutes ago, the last was never heard from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from catalog import City, names
from monitoring import coverage, exposition, facts
from monitoring.tables import Tables

MINUTE = 60
SPAN, AHEAD, SILENT = 150 * MINUTE, 20 * MINUTE, 40 * MINUTE
"""How far back the readings go, how far beyond now (so that a long test still finds some), since when the one school is silent; seconds."""


def openmetrics(city: City, now: int) -> str:
    """The history as `promtool tsdb create-blocks-from openmetrics` reads it."""
    families: dict[str, list[str]] = {}
    for moment in range(now - SPAN, now + AHEAD, MINUTE):
        for line in (*_exported(city, now, moment), *_read(city, now, moment)):
            families.setdefault(line.split("{")[0].split(" ")[0], []).append(f"{line} {moment}")
    return "\n".join(line for lines in families.values() for line in sorted(lines, key=_order)) + "\n# EOF\n"


def _order(line: str) -> tuple[str, int]:
    """Series by series, each in time."""
    series, _, moment = line.rsplit(" ", 2)
    return series, int(moment)


def heard(city: City, now: int, moment: int) -> dict[str, float]:
    """School code -> last good fetch before ``moment``."""
    *well, silent, _never = [school.code for school in city.schools]
    return {**dict.fromkeys(well, float(moment)), silent: float(min(moment, now - SILENT))}


def _exported(city: City, now: int, moment: int) -> Iterator[str]:
    """The exporter's own page, as judged in school hours."""
    known = facts.of(city)
    last = heard(city, now, moment)
    kinds = {row.kind for row in known.schools}
    verdicts = coverage.judge(known, dict.fromkeys(kinds, float(moment)), dict.fromkeys(kinds, last))
    page = exposition.page(Tables(known).columns(verdicts, last, float(moment), float(moment))).decode()
    yield from (line for line in page.splitlines() if not line.startswith("#"))


def _read(city: City, now: int, moment: int) -> Iterator[str]:
    """What boxes push: none from a school that is silent."""
    for place, (code, last) in enumerate(heard(city, now, moment).items()):
        if last == moment:
            seconds = 0.3 * (place + 1) * (1.2 + math.sin((moment - now) / 900))  # at most 2.64 s, within the target
            yield f'{names.METRIC_FETCH_SECONDS}{{job="school_box",school="{code}"}} {seconds:.3f}'
            yield f'{names.METRIC_LINK}{{job="school_box",school="{code}"}} {20 + place}'
            yield f'{names.METRIC_CACHE_HITS}{{job="school_box",school="{code}"}} {0.8 + place / 50:.2f}'
