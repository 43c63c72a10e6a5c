"""What runs and what does not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cluster import process
from local.cluster.layout import Layout, layout
from local.cluster.plan import Plan

HOST_PROCESSES = ("keeper", "guard", "supervisor")


@dataclass(frozen=True)
class PartStatus:
    """One process of the cluster."""

    name: str
    state: str
    """``running``, ``starting``, ``failing`` or ``stopped``."""
    pid: int | None
    """As the host sees it."""
    since: float | None
    """Seconds after the epoch."""
    detail: str = ""


def _boot_time() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime"):
            return float(line.split()[1])
    return 0.0


def _since(identity: process.Identity) -> float:
    return _boot_time() + identity.start / os.sysconf("SC_CLK_TCK")


def host_pids(supervisor: int) -> dict[int, int]:
    """Pid inside the cluster's PID namespace -> pid on the host, of the supervisor's children."""
    found = {}
    for pid in process.children().get(supervisor, []):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        inside = next((line for line in lines if line.startswith("NSpid:")), "").split()
        if len(inside) > 1:
            found[int(inside[-1])] = pid
    return found


def _of_process(name: str, where: Layout) -> PartStatus:
    identity = process.read(where.process(name))
    if identity is None:
        return PartStatus(name, "stopped", None, None)
    return PartStatus(name, "running", identity.pid, _since(identity))


def _of_part(name: str, seen: dict[str, Any], pids: dict[int, int]) -> PartStatus:
    identity = process.identify(pids[seen["pid"]]) if seen["pid"] in pids else None
    detail = f"restarted {seen['failures']} times, last end: {seen['last_exit']}" if seen["failures"] else ""
    if identity is None:
        return PartStatus(name, "failing" if seen["failures"] else "starting", None, None, detail)
    return PartStatus(name, "running" if seen["answers"] else "starting", identity.pid, _since(identity), detail)


def status() -> tuple[PartStatus, ...]:
    """Every process of this clone's cluster; all ``stopped`` when it is down."""
    where = layout()
    found = [_of_process(name, where) for name in HOST_PROCESSES]
    supervisor = found[-1].pid
    names = [part.name for part in Plan.read(where.plan).parts] if where.plan.exists() else []
    if supervisor is None or not where.status.exists():
        return (*found, *(PartStatus(name, "stopped", None, None) for name in names))
    seen = json.loads(where.status.read_text())["parts"]
    pids = host_pids(supervisor)
    return (*found, *(_of_part(name, seen[name], pids) for name in names if name in seen))
