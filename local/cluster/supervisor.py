"""PID 1 of the cluster's PID namespace: starts the parts in order, restarts what dies, reaps every orphan (standard library only)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from local.cluster import process
from local.cluster.layout import Layout
from local.cluster.plan import Part, Plan

BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the n-th restart in a row; the last one is kept for ever, so a part that cannot start costs little and is retried."""
STEADY = 30.0
"""Seconds of running after which a part's failures are forgotten."""
LOG_BYTES = 8 * 2**20
"""A part's log is moved to ``.1`` beyond this size: two files at most."""
TICK = 1.0
STARTING_TICK = 0.1
STOP_SECONDS = 8.0
STOP_DATABASE_SECONDS = 3.0
LAST = "etcd"


@dataclass
class Running:
    """What the supervisor knows of one part."""

    part: Part
    pid: int = 0
    since: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    last_exit: str = ""
    answered: bool = False


def answers(ready: str) -> bool:
    """Whether a part's ``ready`` address accepts a connection."""
    kind, _, address = ready.partition(":")
    try:
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(address)
        elif kind == "tcp":
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


class Supervisor:
    """Keeps the parts of one plan running until told to stop."""

    def __init__(self, plan: Plan, layout: Layout) -> None:
        self.plan, self.layout = plan, layout
        self.parts = {part.name: Running(part) for part in plan.parts}
        self.stopping = False
        self._written = ""

    def run(self) -> None:
        """Until SIGTERM."""
        wake_read, wake_write = os.pipe()
        for end in (wake_read, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self.stopping:
            self.step()
            select.select([wake_read], [], [], TICK if self._settled() else STARTING_TICK)
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
        self._end()

    def step(self) -> None:
        """One round: reap, note who answers, start who may, keep logs small, publish."""
        self.reap()
        for running in self.parts.values():
            if running.pid and not running.answered:
                running.answered = answers(running.part.ready)
            if running.pid and running.failures and time.monotonic() - running.since > STEADY:
                running.failures = 0
            if not running.pid and time.monotonic() >= running.not_before and self._ready_for(running.part):
                self.start(running)
            self._bound_log(running.part.name)
        self._publish()

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _settled(self) -> bool:
        return all(running.pid and running.answered for running in self.parts.values())

    def _ready_for(self, part: Part) -> bool:
        return all(self.parts[name].pid and self.parts[name].answered for name in part.after)

    def start(self, running: Running) -> None:
        """Start one part; its output is appended to its log."""
        part = running.part
        log = self.layout.logs / f"{part.name}.log"
        try:
            with log.open("ab") as output:
                child = subprocess.Popen(
                    part.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={"PATH": self.plan.path, "HOME": "/run"} | part.env,
                    start_new_session=True,
                )
        except OSError as error:
            self._failed(running, str(error))
            return
        child.returncode = 0  # reaped by reap(), not by Popen
        running.pid, running.since, running.answered = child.pid, time.monotonic(), False

    def reap(self) -> None:
        """Collect every ended child: the parts, and orphans of containers."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for running in self.parts.values():
                if running.pid == pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._failed(running, f"signal {-code}" if code < 0 else f"exit code {code}")

    def _failed(self, running: Running, how: str) -> None:
        delay = BACK_OFF[min(running.failures, len(BACK_OFF) - 1)]
        running.pid, running.answered, running.last_exit = 0, False, how
        running.failures += 1
        running.not_before = time.monotonic() + delay

    def _bound_log(self, name: str) -> None:
        log = self.layout.logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > LOG_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)  # the part appends, so it goes on at the start

    def _publish(self) -> None:
        """Write the parts' states for ``huiju cluster status`` when they changed."""
        parts = {
            name: {
                "pid": running.pid,
                "answers": running.answered,
                "failures": running.failures,
                "last_exit": running.last_exit,
            }
            for name, running in self.parts.items()
        }
        text = json.dumps({"digest": self.plan.digest, "parts": parts})
        if text != self._written:
            process.replace(self.layout.status, text)
            self._written = text

    def _end(self) -> None:
        """Ask every process to end, the database last (the API server still writes when it goes); what is left dies with this one."""
        database = {self.parts[LAST].pid} if LAST in self.parts else set()
        self._ask_to_end(_others().keys() - database, STOP_SECONDS)
        self._ask_to_end(database, STOP_DATABASE_SECONDS)

    def _ask_to_end(self, pids: set[int], seconds: float) -> None:
        """SIGTERM, and time to heed it."""
        deadline = time.monotonic() + seconds
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while left := [name for pid, name in _others().items() if pid in pids]:
            if time.monotonic() > deadline:
                print(f"still running after {seconds:.0f} s, killed: {', '.join(left)}", flush=True)
                return
            self.reap()
            time.sleep(0.05)


def _others() -> dict[int, str]:
    """Pid -> name of the namespace's processes but this one and containers' shims, which heed no signal and hold nothing."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.name != "1" and (entry / "cmdline").read_bytes():
                found[int(entry.name)] = (entry / "comm").read_text().strip()
    return {pid: name for pid, name in found.items() if not name.startswith("containerd-shim")}


if __name__ == "__main__":
    where = Layout(Path(sys.argv[1]))
    Supervisor(Plan.read(where.plan), where).run()
