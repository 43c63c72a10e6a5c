"""The coverage metrics: their series, and the numbers that verdicts give them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog import names
from monitoring import coverage
from monitoring.coverage import State, Verdict
from monitoring.exposition import Gauge, Table
from monitoring.facts import Facts

SCHOOL = ("school", "district", "locality", "wave")
Column = tuple[Table, Sequence[float | None]]


def _of_schools(name: str, says: str) -> Gauge:
    return Gauge(name, says, SCHOOL)


INFO = _of_schools(names.METRIC_SCHOOL, "Every school of the catalog")
COVERED = _of_schools(
    names.METRIC_SCHOOL_COVERAGE, "1 if the school's box fetched a lesson within the window, else 0; unknown is 0"
)
AGE = _of_schools(names.METRIC_SCHOOL_AGE, "Seconds since the box's last good fetch; absent when never heard")
HEARD = _of_schools(names.METRIC_SCHOOL_HEARD, "Unix time of the box's last good fetch; absent when never heard")
JUDGED = _of_schools(
    names.METRIC_SCHOOL_JUDGED, "Unix time for which the verdict holds: now in school hours, else their end"
)
STATE = Gauge(names.METRIC_SCHOOL_STATE, "1 for the state that the school is in", ("school", "district", "state"))
DISTRICT = Gauge(names.METRIC_DISTRICT_COVERAGE, "Share of the district's schools that are covered", ("district",))
SCHOOLS = Gauge(names.METRIC_DISTRICT_SCHOOLS, "Schools of the district in the catalog: the denominator", ("district",))
CITY = Gauge(names.METRIC_COVERAGE, "Share of the city's schools that are covered")
HOURS = Gauge(names.METRIC_SCHOOL_HOURS, "1 while some school has school hours, else 0")
REFRESHED = Gauge(names.METRIC_REFRESHED, "Unix time at which the boxes' readings were last had")


@dataclass(frozen=True)
class Tables:
    """Every table of one city, made once."""

    facts: Facts
    schools: dict[str, Table] = field(init=False)
    districts: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        rows = [row[:4] for row in self.facts.schools]
        tables = {gauge.name: Table(gauge, rows) for gauge in (INFO, COVERED, AGE, HEARD, JUDGED)}
        tables[STATE.name] = Table(STATE, [(*row[:2], state.value) for row in rows for state in State])
        found: dict[str, list[str]] = {}
        for row in self.facts.schools:
            found.setdefault(row.district, []).append(row.code)
        for gauge in (DISTRICT, SCHOOLS):
            tables[gauge.name] = Table(gauge, [(district,) for district in found])
        for gauge in (CITY, HOURS, REFRESHED):
            tables[gauge.name] = Table(gauge, [()])
        object.__setattr__(self, "schools", tables)
        object.__setattr__(self, "districts", {district: tuple(codes) for district, codes in found.items()})

    def columns(
        self, verdicts: Mapping[str, Verdict], heard: Mapping[str, float], now: float, refreshed: float
    ) -> list[Column]:
        """Tables with their numbers; before the first verdicts only what the catalog says."""
        numbers = dict(self._numbers(verdicts, heard, now, refreshed))
        return [(self.schools[name], values) for name, values in numbers.items()]

    def _numbers(
        self, verdicts: Mapping[str, Verdict], heard: Mapping[str, float], now: float, refreshed: float
    ) -> Iterator[tuple[str, Sequence[float | None]]]:
        yield INFO.name, [1.0] * len(self.facts.schools)
        yield SCHOOLS.name, [float(len(codes)) for codes in self.districts.values()]
        yield HOURS.name, [float(coverage.in_hours(self.facts, now))]
        if not verdicts:
            return
        ordered = [verdicts[row.code] for row in self.facts.schools]
        last = [heard.get(row.code) for row in self.facts.schools]
        yield COVERED.name, [float(each.state is State.COVERED) for each in ordered]
        yield AGE.name, [None if moment is None else now - moment for moment in last]
        yield HEARD.name, last
        yield JUDGED.name, [each.judged for each in ordered]
        yield STATE.name, [float(each.state is state) for each in ordered for state in State]
        yield DISTRICT.name, [coverage.ratio(verdicts[code] for code in codes) for codes in self.districts.values()]
        yield CITY.name, [coverage.ratio(ordered)]
        yield REFRESHED.name, [refreshed]
