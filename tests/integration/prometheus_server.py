"""A real Prometheus on loopback, with a history put in as blocks and the rules' own past worked out by promtool."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from local import toolchain
from local.ports import free_port

LEVELS = ("school", "district", "city")
"""What the recording rules add up, from the bottom."""


def backfill(folder: Path, openmetrics: str, rules: Path, start: int, end: int) -> None:
    """Put the history into the data folder, then what the rules make of it: level by level, since each stands on the one below."""
    (folder / "history.txt").write_text(openmetrics)
    data = folder / "data"
    _promtool("tsdb", "create-blocks-from", "openmetrics", "--quiet", str(folder / "history.txt"), str(data))
    groups = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    for level in LEVELS:
        mine = [rule for group in groups for rule in group["rules"] if rule["record"].startswith(f"{level}:")]
        file, made = folder / f"{level}.yaml", folder / level
        file.write_text(yaml.safe_dump({"groups": [{"name": level, "rules": mine}]}))
        with running(folder) as url:
            # promtool sees only what the server has.
            words = ("tsdb", "create-blocks-from", "rules", f"--start={start}", f"--end={end}", f"--url={url}")
            _promtool(*words, "--eval-interval=60s", f"--output-dir={made}", str(file))
        for block in made.iterdir():
            block.rename(data / block.name)


def _promtool(*words: str) -> None:
    subprocess.run([toolchain.tool("promtool"), *words], check=True, capture_output=True, text=True)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a Prometheus over ``folder``/data, which scrapes nothing."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "prometheus.yml").write_text("{}\n")
    line = [
        str(toolchain.tool("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log)
    try:
        _ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "Prometheus ended"
        try:
            with urlopen(f"{url}/-/ready", timeout=2):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("Prometheus is not ready after 30 s")
