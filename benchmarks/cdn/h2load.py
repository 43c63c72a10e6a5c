"""A crowd that costs the machine little: `h2load`, each client on a connection of its own, and when each had its last byte."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.caching.caches import program
from benchmarks.cdn.request import Place

OK = 200


def ends(door: Place, path: str, clients: int, size: int, seconds: float = 120) -> list[float]:
    """When each of ``clients`` had all of ``path``, in seconds of one clock, the first one first.

    Raises AssertionError where not all of them were given ``size`` bytes each, RuntimeError where h2load is missing or with what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        way = (f"--connect-to={door.address}:{door.port}", f"http://{door.host}:{door.port}{path}")
        crowd = ("--h1", f"--requests={clients}", f"--clients={clients}", f"--log-file={log}")
        line = ("ip", "netns", "exec", door.space, program("h2load", "nghttp2-client"), *crowd, *way)
        done = subprocess.run(line, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        rows = [[int(each) for each in row.split("\t")[:3]] for row in log.read_text().splitlines()]
    good = [start + took for start, status, took in rows if status == OK]
    if len(good) != clients or f"({clients * size}) data" not in done.stdout:
        raise AssertionError(f"{len(good)} of {clients} had an answer of {size} bytes:\n{done.stdout}")
    return sorted(end / 1e6 for end in good)
