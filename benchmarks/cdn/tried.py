"""Which settings of Traffic Server keep a crowd waiting? ``python -m benchmarks.cdn.tried [name ...]``: each in a lab of its own.

A row for each setting and each way in which the origin gives the segment: reads of the origin at most, a waiter's delay as in
`benchmarks.stampede` (median, 99 of 100, longest, ms), and processor seconds of all caches from the asking to the last answer. What was
found is in docs/decisions/0268.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping

from benchmarks.cdn import h2load
from benchmarks.cdn.lab import Lab, lab
from benchmarks.cdn.material import Lesson
from benchmarks.cdn.stampede import ORIGINS, everywhere, waits
from benchmarks.report import table
from catalog import load_named
from derive import traffic_server

CITY = load_named("tiny")
CLIENTS, ROUNDS = 1000, 3


TRIED: Mapping[str, Mapping[str, str]] = {
    "as it is": {},
    "looks every 10 ms": traffic_server.collapse(CITY.packaging.segment_seconds, 10),
    "looks every 25 ms": traffic_server.collapse(CITY.packaging.segment_seconds, 25),
    "one thread": {"proxy.config.exec_thread.limit": "INT 1"},
    "four threads": {"proxy.config.exec_thread.limit": "INT 4"},
    "pieces of 64 KiB": {"proxy.config.cache.target_fragment_size": f"INT {64 << 10}"},
    "pieces of 16 KiB": {"proxy.config.cache.target_fragment_size": f"INT {16 << 10}"},
}


def main(wanted: list[str]) -> None:
    """Print the table, a row at a time."""
    for name in wanted or TRIED:
        with lab(CITY, TRIED[name]) as made:
            made.mend()
            _stampede(made, "none", 0, f"{name}, to warm")
            for row in _rows(made, name):
                print(row, flush=True)


def _rows(made: Lab, name: str) -> Iterator[str]:
    for how, (kind, seconds) in ORIGINS.items():
        found = [_stampede(made, kind, seconds, f"{name} {how} {number}") for number in range(ROUNDS)]
        delays = sorted(delay * 1000 for _, several, _ in found for delay in several)
        reads = max(count for count, _, _ in found)
        cpu = statistics.median(used for _, _, used in found)
        worst = (statistics.median(delays), delays[len(delays) * 99 // 100], delays[-1])
        yield table((), [(name, how, reads, *worst, cpu)]).splitlines()[-1]


def _stampede(made: Lab, kind: str, seconds: float, name: str) -> tuple[int, list[float], float]:
    """Reads of the origin, every waiter's delay in seconds, and processor seconds."""
    lesson = Lesson(made.city, name, 1)
    rung = lesson.rung(0)
    made.told(f"/_fault?kind={kind}&seconds={seconds}&match={lesson.id}")
    with h2load.crowd(everywhere(made, lesson, CLIENTS), lesson.path(rung, 0), lesson.size(rung)) as crowd:
        before = made.cpu_seconds()
        served = crowd.ask()
        cpu = made.cpu_seconds() - before
    (reads,) = made.reads(lesson).values()
    return reads, [wait for group in served for wait in waits(each.ended for each in group)], cpu


if __name__ == "__main__":
    main(sys.argv[1:])
