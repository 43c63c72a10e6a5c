"""The machine a figure was measured on: without it a number says nothing."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import psutil

from local import cluster


def cpu_model() -> str:
    """Model name from ``/proc/cpuinfo``, or what Python knows of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe() -> str:
    """One line: processor, usable cores, memory in GiB, kernel and Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cpu_model()}, {cores} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and all below it, so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def cluster_processes() -> list[psutil.Process]:
    """Every process of the embedded cluster, pods included."""
    roots = [part.pid for part in cluster.status() if part.pid and part.name in {"keeper", "guard", "supervisor"}]
    below = (each for root in map(psutil.Process, roots) for each in (root, *root.children(recursive=True)))
    return list({each.pid: each for each in below}.values())


def today() -> str:
    """The date in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
