"""A crowd that costs the machine little: an `h2load` for each door, each client on a connection of its own; when each had all.

The players of a classroom have their connections when a new segment appears, so these are opened, TLS included, before anybody asks. Then
every h2load is stopped (SIGSTOP) until the moment to ask has passed for all its clients, and all of them go on at once.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.caching.caches import program
from benchmarks.cdn.stampede import Group

OK = 200
OPENED_SECONDS, ASK_SECONDS = 2.5, 3.0
"""After so many seconds all connections are open and the crowd is stopped; a client asks so long after its connection was open."""
PACKAGE = "nghttp2-client"


@dataclass(frozen=True)
class Served:
    """One client: when it asked and when it had everything, in seconds of the machine's clock."""

    began: float
    ended: float


def crowds(groups: Sequence[Group], path: str, size: int, seconds: float = 120) -> list[list[Served]]:
    """What each client of each group saw when all of them asked for ``path`` at one moment, the first one served first.

    Raises AssertionError where not all of them were given ``size`` bytes each, RuntimeError where h2load is missing or with what it said.
    """
    with tempfile.TemporaryDirectory() as folder, _running(groups, path, Path(folder)) as running:
        time.sleep(OPENED_SECONDS)
        _signal(running, signal.SIGSTOP)
        time.sleep(ASK_SECONDS)
        _signal(running, signal.SIGCONT)
        said = [each.communicate(timeout=seconds)[0] for each in running]
        for each, text in zip(running, said, strict=True):
            if each.returncode:
                raise RuntimeError(text)
        logs = [(Path(folder) / f"log-{number}").read_text() for number in range(len(groups))]
    return [_served(group, log, size, text) for group, log, text in zip(groups, logs, said, strict=True)]


@contextmanager
def _running(groups: Sequence[Group], path: str, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """One h2load for each group; none is left."""
    lines = [_line(group, path, folder, number) for number, group in enumerate(groups)]
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for each in lines]
    try:
        yield running
    finally:
        for each in running:
            each.kill()
            each.communicate()


def _line(group: Group, path: str, folder: Path, number: int) -> list[str]:
    door, script = group.door, folder / f"script-{number}"
    port = "" if door.tls else f":{door.port}"
    script.write_text(f"{ASK_SECONDS * 1000}\thttp{'s' * door.tls}://{door.host}{port}{path}\n")
    crowd = ["--h1", f"--clients={group.count}", f"--connect-to={door.address}:{door.port}"]
    crowd += [f"--timing-script-file={script}", f"--log-file={folder / f'log-{number}'}"]
    headers = [f"--header={key}: {value}" for key, value in group.headers.items()]
    return ["ip", "netns", "exec", door.space, program("h2load", PACKAGE), *crowd, *headers]


def _signal(running: Sequence[subprocess.Popen[str]], number: signal.Signals) -> None:
    for each in running:
        each.send_signal(number)


def _served(group: Group, log: str, size: int, said: str) -> list[Served]:
    rows = [[int(each) for each in row.split("\t")[:3]] for row in log.splitlines()]
    good = [Served(start / 1e6, (start + took) / 1e6) for start, status, took in rows if status == OK]
    if len(good) != group.count or f"({group.count * size}) data" not in said:
        raise AssertionError(f"{len(good)} of {group.count} had an answer of {size} bytes from {group.door}:\n{said}")
    return sorted(good, key=lambda each: each.ended)
