"""How long does it take to load and check a city of 320 schools, and one of 5,000?

Both are whole cities on disk: every file is read, parsed, checked value by value and against the others. The time to
start Python and to import the catalog is measured apart, in a process of its own.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from catalog import DATA, load
from catalog.synthetic import write_city

TITLE = "Loading and checking the catalog"
REPEATS = 7
SIZES = (320, 5_000)


def run() -> list[dict[str, Any]]:
    """One row for the worked city, one for each size of made-up city, one for the import."""
    rows = [_row("load and check `neijiang`", "320 schools as committed", partial(load, DATA / "neijiang"))]
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            city = Path(folder) / str(size)
            write_city(city, size)
            megabytes = sum(file.stat().st_size for file in city.rglob("*.yaml")) / 1e6
            note = f"made-up city, {megabytes:.1f} MB of YAML; CPU is the median"
            rows.append(_row(f"load and check {size:,} schools", note, partial(load, city)))
    rows.append(_row("start Python and import `catalog`", "a process of its own", _import))
    return rows


def _import() -> None:
    subprocess.run([sys.executable, "-c", "import catalog"], check=True)


def _cpu() -> float:
    """CPU seconds of this process and of the processes that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _row(name: str, note: str, what: Callable[[], object]) -> dict[str, Any]:
    """Wall-clock seconds of ``REPEATS`` runs after one that warms the disk's cache."""
    what()
    wall, cpu = list[float](), list[float]()
    for _ in range(REPEATS):
        before = time.perf_counter(), _cpu()
        what()
        wall.append(time.perf_counter() - before[0])
        cpu.append(_cpu() - before[1])
    return {
        "name": name,
        "n": REPEATS,
        "unit": "s",
        "median": statistics.median(wall),
        "min": min(wall),
        "max": max(wall),
        "cpu_seconds": statistics.median(cpu),
        "note": note,
    }
