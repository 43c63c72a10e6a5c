"""A run on this machine: Locust as one process, or as a master with workers, in a process group that ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from loadtests import order as orders
from loadtests.order import Order
from local import paths
from local.ports import free_port
from ops.loads.following import Display, Result, follow

LOCUSTFILE = paths.ROOT / "loadtests" / "locustfile.py"
END_SECONDS = 20.0
"""How long the processes may take to end when they are told to."""


def command(report: Path, processes: int) -> list[str]:
    """The command line; nothing secret is on it."""
    words = [
        sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary",
        "--html", str(report), "--exit-code-on-error", "0",
    ]  # fmt: skip
    if processes == 1:
        return words
    port = str(free_port())
    own = [
        "--master-bind-host",
        "127.0.0.1",
        "--master-bind-port",
        port,
        "--master-host",
        "127.0.0.1",
        "--master-port",
        port,
    ]
    return [*words, "--processes", str(processes), *own]


def run(order: Order, sessions: Mapping[str, str], processes: int, report: Path, console: Console) -> Result:
    """Run it to its end. Log and report are beside each other; sessions are in a file of the owner's, and gone afterwards."""
    report.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="huiju-load-") as folder, report.with_suffix(".log").open("w") as log:
        files = {orders.ORDER: order.model_dump_json(), orders.SESSIONS: json.dumps(dict(sessions))}
        environment = {
            **os.environ,
            **{variable: str(_file(Path(folder) / variable, text)) for variable, text in files.items()},
        }
        with _ended(
            subprocess.Popen(
                command(report, processes), env=environment, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=log,
                text=True, start_new_session=True,
            )
        ) as process:  # fmt: skip
            result = follow(process.stdout or (), Display(console))
            process.wait()
    return result


def _file(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, and its children with it, is gone when the body is left, however that is."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.stdout:
            process.stdout.close()
