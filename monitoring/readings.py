"""What the boxes last said, asked of Prometheus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import httpx

from catalog import names

TIMEOUT_SECONDS = 20.0


class ReadingsError(Exception):
    """Prometheus did not answer, or not with numbers; says what it said."""


@dataclass(frozen=True)
class Prometheus:
    """Its query interface at ``url``, for instance `http://prometheus:9090`."""

    url: str

    def query(self, expression: str, at: float) -> dict[str, float]:
        """School code -> value of ``expression`` at the moment ``at``, Unix seconds. Raises :class:`ReadingsError`."""
        try:
            answer = httpx.post(
                f"{self.url}/api/v1/query", data={"query": expression, "time": f"{at:.3f}"}, timeout=TIMEOUT_SECONDS
            )
            answer.raise_for_status()
            return _vector(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ReadingsError(f"{self.url}: {error}") from error

    def fetched(self, at: float, span: str) -> dict[str, float]:
        """School code -> last good fetch told in the ``span`` up to ``at``."""
        return self.query(_latest(names.METRIC_FETCHED, span), at)

    def remembered(self, at: float, span: str) -> dict[str, float]:
        """The same from what the exporter itself published before: how it remembers a restart."""
        return self.query(_latest(names.METRIC_SCHOOL_HEARD, span), at)


def _latest(metric: str, span: str) -> str:
    # What was told last, not the largest: a box whose clock was ahead for one reading would hide all its true ones of the span.
    return f"max by (school) (last_over_time({metric}[{span}]))"


def _vector(answer: dict[str, Any]) -> dict[str, float]:
    if answer["status"] != "success":
        raise ValueError(answer.get("error", "no success"))
    rows = answer["data"]["result"]
    told = {row["metric"]["school"]: float(row["value"][1]) for row in rows if "school" in row["metric"]}
    # A box may say NaN or Inf: it has said nothing then, and the others' words still count.
    return {school: value for school, value in told.items() if math.isfinite(value)}
