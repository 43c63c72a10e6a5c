"""How many requests does one core of the load generator make: as a player of the kit, and as plain Locust?

Players watch for half a minute at their own pace, over verified TLS, each segment checked for being whole. Then plain `FastHttpUser`s, as
many as there were players, repeat exactly the same requests as fast as they can, with Locust's defaults (TLS not verified, nothing
looked at). The server keeps a list of what it was asked: both lists must be equal. Every second round begins with the plain ones, who
repeat the round before then. What is compared is requests per second of processor
time, without the start of Python and Locust; the megabits beside it are what a lesson's real bit rates make of it.
"""

from __future__ import annotations

import json
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.generator import certificate, server
from benchmarks.report import row
from catalog import City, load_named
from loadtests import schedule, verdict
from loadtests.model import Model
from loadtests.order import ANYBODY, Order
from local import paths
from ops.loads import local

TITLE = "The load generator: requests per core"
RUNS = 5
SECONDS, PLAYERS = 30.0, 60
Asked = list[list[str]]


@dataclass(frozen=True)
class Platform:
    """A server that remembers what it was asked."""

    port: int
    pem: str
    folder: Path

    def get(self, path: str) -> bytes:
        """The body at ``path``."""
        address = f"https://localhost:{self.port}{path}"
        with urllib.request.urlopen(address, context=ssl.create_default_context(cadata=self.pem)) as answer:
            return bytes(answer.read())

    def asked(self) -> Asked:
        """What it was asked since the last time, sorted."""
        found: Asked = json.loads(self.get("/asked"))
        return sorted(found)


def run() -> list[dict[str, Any]]:
    """Rows of the table."""
    city = load_named("neijiang")
    players, plain, megabits = list[float](), list[float](), list[float]()
    with _platform(city) as platform:
        start = statistics.median(_cpu_of(lambda: _python("-c", "import locust.main")) for _ in range(RUNS))
        _play(_order(city, platform, RUNS), platform)
        asked = platform.asked()
        for number in range(RUNS):
            for turn in ("play", "repeat") if number % 2 == 0 else ("repeat", "play"):
                if turn == "play":
                    spent = _cpu_of(lambda: _play(_order(city, platform, number), platform)) - start  # noqa: B023
                    asked = platform.asked()
                    size = _bytes(asked, city)
                    players.append(len(asked) / spent)
                    megabits.append(8e-6 * size / spent)
                else:
                    plain.append(len(asked) / (_cpu_of(lambda: _repeat(asked, platform)) - start))  # noqa: B023
                    if platform.asked() != asked:
                        raise RuntimeError("the plain users did not ask what the players asked")
    note = f"{PLAYERS} of them, {len(asked)} requests, {size / 1e6:.0f} MB"
    return [
        row("player of the kit", players, "requests/CPU s", note),
        row("player of the kit", megabits, "Mbit/CPU s", note),
        row("plain FastHttpUser", plain, "requests/CPU s", "the same requests, repeated without a pause"),
    ]


def _order(city: City, platform: Platform, seed: int) -> Order:
    """The middle of the fullest lesson: players only, and all of them from the start."""
    load = Model(city).busiest["lesson peak"]
    plan = schedule.plan(city, (load.moment, load.moment + 60), SECONDS, PLAYERS / load.players, seed=seed)
    return Order(
        plan=plan, goals=verdict.goals(city.targets), host="localhost", address=f"https://localhost:{platform.port}",
        authority=platform.pem, lessons=("l-aaaaaaaaaaaaaaaa",), reach={ANYBODY: (0,)},
        list_path="/lessons/index.json",
    )  # fmt: skip


def _play(order: Order, platform: Platform) -> None:
    result = local.run(order, {}, 1, platform.folder / "report.html", Console(quiet=True))
    if result.broken or any(
        each.reading.value for each in result.verdicts if each.goal.measure is verdict.MEASURES[-1]
    ):
        raise RuntimeError(f"the players failed: {result}")


def _repeat(asked: Asked, platform: Platform) -> None:
    requests = platform.folder / "requests.json"
    requests.write_text(json.dumps(asked))
    file = Path(server.__file__).with_name("plain.py")
    _python(
        "-m", "locust", "-f", str(file), "--headless", "--only-summary", "--users", str(PLAYERS), "--spawn-rate", "100",
        "--host", f"https://localhost:{platform.port}", BENCH_REQUESTS=str(requests),
    )  # fmt: skip


def _python(*words: str, **variables: str) -> None:
    command, environment = [sys.executable, *words], {**os.environ, **variables}
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=paths.ROOT)


def _cpu_of(what: Callable[[], object]) -> float:
    """Processor seconds of the processes that ``what`` starts and awaits."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = spent()
    what()
    return spent() - before


def _bytes(asked: Asked, city: City) -> int:
    files = server.media([rung.video_kbps for rung in city.ladder], city.packaging.audio_kbps)
    return sum(len(files.get(path, b"")) for _, path in asked)


@contextmanager
def _platform(city: City) -> Iterator[Platform]:
    with tempfile.TemporaryDirectory() as folder:
        file, pem = certificate.make(Path(folder))
        rates = ",".join(str(kbps) for kbps in (*(rung.video_kbps for rung in city.ladder), city.packaging.audio_kbps))
        command = [sys.executable, "-m", "benchmarks.generator.server", str(file), rates]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=paths.ROOT) as process:
            try:
                yield Platform(int((process.stdout or sys.stdin).readline()), pem, Path(folder))
            finally:
                process.terminate()
