"""What the city is told of this: a text file that the exporter reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HELP = {
    "city_prefetch_planned_bytes": "Bytes of the plan that this box has now; 0 without one.",
    "city_prefetch_fetched_bytes": "Bytes of that plan that are in the cache.",
    "city_prefetch_failed_items": "Items of that plan whose last try failed.",
    "city_prefetch_plan_timestamp_seconds": "Unix time at which that plan was made.",
    "city_prefetch_plan_info": "1 for the version of that plan, by label.",
    "city_withdrawals_heard_timestamp_seconds": "Unix time at which this box last asked what was withdrawn, and was told.",
    "city_school_link_mbps": "Mbit/s of lessons, protocols not counted, that the link carried in the last sample.",
    "city_school_link_sample_timestamp_seconds": "Unix time of that sample.",
}


def write(file: Path, readings: Mapping[str, float]) -> None:
    """Write series and values in the exporter's text form, whole or not at all."""
    lines, told = list[str](), set[str]()
    for series, value in readings.items():
        name = series.partition("{")[0]
        if name not in told:
            told.add(name)
            lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
        lines.append(f"{series} {float(value)!r}")
    part = file.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n")
    part.replace(file)
