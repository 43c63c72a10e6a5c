"""What the schools' boxes measured their links to carry, as Prometheus has it, and how long ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog import City, names
from catalog.errors import UserError
from monitoring.readings import Prometheus, ReadingsError


@dataclass(frozen=True)
class Sample:
    """The last measurement of one school's link."""

    mbps: float
    """On the link, protocols included: to be compared with what is contracted."""
    age: float
    """Seconds; below 0 where a wrong clock dated it in the future."""
    counts: bool
    """Whether it is to be gone by: not older than ``link_budget.measured_days`` of the catalog, and not from the future."""

    @property
    def text(self) -> str:
        """For a table."""
        if self.age < 0:
            return f"{self.mbps:.1f}, dated in the future"
        return f"{self.mbps:.1f}, {ago(self.age)}{'' if self.counts else ' (too old)'}"


def ask(url: str, city: City, now: float) -> dict[str, Sample]:
    """School code -> its last sample by Prometheus at ``url``; who never measured is not in it. Raises `UserError` with its reason."""
    prometheus, span = Prometheus(url), f"{city.link_budget.measured_days}d"
    try:
        mbps, at = (
            prometheus.query(f"max by (school) (last_over_time({metric}[{span}]))", now)
            for metric in (names.METRIC_LINK, names.METRIC_LINK_AT)
        )
    except ReadingsError as error:
        raise UserError(f"Prometheus gave no readings of the boxes: {error}. `huiju status` shows its parts") from error
    return of(city, mbps, at, now)


def of(city: City, mbps: Mapping[str, float], at: Mapping[str, float], now: float) -> dict[str, Sample]:
    """School code -> its last sample. ``mbps`` is of lessons' bytes, as boxes measure; ``at`` when, Unix seconds; both by school code.

    One from further in the future than ``coverage.window_minutes`` is a wrong clock's, as for coverage: it would count for ever.
    """
    budget, slack, found = city.link_budget, city.coverage.window_seconds, dict[str, Sample]()
    for code in city.by_code:
        if code in mbps and code in at:
            age = now - at[code] if at[code] > now + slack else max(0.0, now - at[code])
            found[code] = Sample(budget.link_mbps(mbps[code] * 1000), age, 0 <= age <= budget.measured_seconds)
    return found


def slowest(rates: Mapping[str, float], samples: Mapping[str, Sample]) -> dict[str, float]:
    """School code -> Mbit/s that counts: the slowest of a table of ``rates`` and of the ``samples`` that are young enough."""
    young = {code: sample.mbps for code, sample in samples.items() if sample.counts}
    return {**rates, **{code: min(mbps, rates.get(code, mbps)) for code, mbps in young.items()}}


def summary(city: City, samples: Mapping[str, Sample]) -> str:
    """How many links were measured, and for which the contract alone counts."""
    boxed = [code for code, school in city.by_code.items() if school.uplink and code not in city.link_budget.boxless]
    old = sum(code in samples and not samples[code].counts and samples[code].age >= 0 for code in boxed)
    ahead = sum(code in samples and samples[code].age < 0 for code in boxed)
    never = sum(code not in samples for code in boxed)
    future = f", and for {ahead} dated in the future" if ahead else ""
    return (
        f"{len(boxed) - old - ahead - never} of {len(boxed)} links measured by their boxes; the contract alone counts for {old} measured "
        f"more than {city.link_budget.measured_days} days ago and {never} of which nothing was heard{future}"
    )


def ago(seconds: float) -> str:
    """How long ago that was, in words."""
    minutes = int(seconds // 60)
    if minutes < 60:  # noqa: PLR2004  # minutes of an hour
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
