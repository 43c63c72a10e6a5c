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
OPENED_SECONDS, ASK_SECONDS = 3.5, 4.0
"""After so many seconds the crowd is stopped, its connections open; a client asks so long after its own was open. Where the machine is too
busy for that, `apart` tells it: those clients ask late."""
PACKAGE = "nghttp2-client"


@dataclass(frozen=True)
class Served:
    """One client: when it asked and when it had everything, in seconds of the machine's clock."""

    began: float
    ended: float


def apart(served: Sequence[Sequence[Served]]) -> float:
    """Seconds between the first who asked and the last one."""
    began = [each.began for group in served for each in group]
    return max(began) - min(began)


@dataclass
class _Door:
    """One group, its h2load and what that one logs."""

    group: Group
    log: Path
    process: subprocess.Popen[str]

    def served(self, size: int, seconds: float) -> list[Served]:
        """Its clients, the first one served first."""
        said = self.process.communicate(timeout=seconds)[0]
        if self.process.returncode:
            raise RuntimeError(said)
        rows = [[int(each) for each in row.split("\t")[:3]] for row in self.log.read_text().splitlines()]
        good = [Served(start / 1e6, (start + took) / 1e6) for start, status, took in rows if status == OK]
        wanted = self.group.count
        if len(good) != wanted or f"({wanted * size}) data" not in said:
            raise AssertionError(f"{len(good)} of {wanted} had {size} bytes each from {self.group.door}:\n{said}")
        return sorted(good, key=lambda each: each.ended)


@dataclass
class Crowd:
    """Clients who have their connections and are held."""

    doors: Sequence[_Door]
    size: int

    def ask(self, seconds: float = 120) -> list[list[Served]]:
        """Let all ask at one moment; what each client of each group saw. AssertionError where not everybody had all bytes."""
        for each in self.doors:
            each.process.send_signal(signal.SIGCONT)
        return [each.served(self.size, seconds) for each in self.doors]


@contextmanager
def crowd(groups: Sequence[Group], path: str, size: int) -> Iterator[Crowd]:
    """Clients in these groups, about to ask for ``path``, which is ``size`` bytes. RuntimeError where h2load is missing."""
    with tempfile.TemporaryDirectory() as folder:
        doors = [_start(group, path, Path(folder) / str(number)) for number, group in enumerate(groups)]
        try:
            time.sleep(OPENED_SECONDS)
            for each in doors:
                each.process.send_signal(signal.SIGSTOP)
            time.sleep(ASK_SECONDS)
            yield Crowd(doors, size)
        finally:
            for each in doors:
                each.process.kill()
                each.process.communicate()


def _start(group: Group, path: str, folder: Path) -> _Door:
    folder.mkdir()
    door, script, log = group.door, folder / "script", folder / "log"
    port = "" if door.tls else f":{door.port}"
    script.write_text(f"{ASK_SECONDS * 1000}\thttp{'s' * door.tls}://{door.host}{port}{path}\n")
    line = ["ip", "netns", "exec", door.space, program("h2load", PACKAGE), "--h1", f"--clients={group.count}"]
    line += [f"--connect-to={door.address}:{door.port}", f"--timing-script-file={script}", f"--log-file={log}"]
    line += [f"--header={key}: {value}" for key, value in group.headers.items()]
    return _Door(group, log, subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
