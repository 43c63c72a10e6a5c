"""How long does `huiju up` take with tools and images at hand, and what does the idle cluster need?

A clone of its own starts with no cluster ("new"), then runs five times without a change ("warm"); every warm run asks the engine. Memory is
the proportional set size of every process in the cluster's namespaces, pods included, one minute after the last run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.machine import cluster_processes
from benchmarks.report import row
from local import cluster, paths
from ops.phases import Phases
from ops.stack import configuration, session

TITLE = "`huiju up`, by phase, and the idle cluster"
WARM_RUNS = 5
REST_SECONDS = 60
WANTED = session.Wanted(stack="bench")


def run() -> list[dict[str, Any]]:
    """Rows of the table."""
    with own_clone():
        new = up()
        warm = [up() for _ in range(WARM_RUNS)]
        start = _seconds([sys.executable, "-c", "import ops.up"])
        rows = [*_phases("new, tools and images at hand", [new]), *_phases("warm, no change", warm)]
        rows.append(row("warm: starting `huiju` itself", [start], "s"))
        time.sleep(REST_SECONDS)
        return [*rows, *memory()]


@contextmanager
def own_clone() -> Iterator[None]:
    """A clone id of its own, so that nobody's platform is touched; its cluster and its settings go afterwards."""
    before = os.environ.get("HUIJU_CLONE_ID")
    os.environ["HUIJU_CLONE_ID"] = f"{paths.clone_id()}-b"
    try:
        cluster.reset()
        yield
    finally:
        cluster.reset()
        shutil.rmtree(paths.pulumi_backend_dir(), ignore_errors=True)
        configuration.file(WANTED.stack).unlink(missing_ok=True)
        del os.environ["HUIJU_CLONE_ID"]
        if before:
            os.environ["HUIJU_CLONE_ID"] = before


def up() -> dict[str, float]:
    """Seconds by phase of one `huiju up`, sample lesson included."""
    phases = Phases()
    session.provision(WANTED, None, phases)
    session.publish_sample(WANTED, phases)
    return phases.seconds


def _seconds(command: list[str]) -> float:
    begun = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - begun


def _phases(name: str, runs: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    totals = [sum(each.values()) for each in runs]
    yield row(f"{name}: whole", totals, "s")
    for phase in runs[0]:
        yield row(f"{name}: {phase}", [each.get(phase, 0.0) for each in runs], "s")


def memory() -> Iterator[dict[str, Any]]:
    """Memory of the embedded cluster: all of it, and its largest processes."""
    sizes: dict[str, float] = {}
    for process in cluster_processes():
        try:
            sizes[process.name()] = sizes.get(process.name(), 0.0) + process.memory_full_info().pss / 2**20
        except psutil.Error:
            continue
    yield row("idle cluster with the platform: whole", [sum(sizes.values())], "MiB")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:6]:
        yield row(f"idle cluster: {name}", [size], "MiB")
