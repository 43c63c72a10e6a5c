"""Control groups of one clone's cluster, on v1 (one hierarchy per controller), hybrid and v2 machines.

``huiju-<clone>/host`` holds keeper and guard (so that the end of a login session does not take them along), ``huiju-<clone>/node``
is the root that the cluster sees through its own cgroup namespace.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy."""

    controllers: str
    """Comma-separated; empty for v2, ``name=...`` for a named one."""
    mount: Path

    @property
    def v2(self) -> bool:
        """Whether this is the unified hierarchy."""
        return not self.controllers


def hierarchies(proc_cgroup: str, mountinfo: str) -> tuple[Hierarchy, ...]:
    """The hierarchies in use, from the texts of ``/proc/self/cgroup`` and ``/proc/self/mountinfo``."""
    mounted: dict[frozenset[str], Path] = {}
    unified = None
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        where = Path(left.split()[4])
        if kind == "cgroup2":
            unified = unified or where
        elif kind == "cgroup":
            mounted.setdefault(frozenset(options.split(",")), where)
    found = []
    for line in proc_cgroup.splitlines():
        controllers = line.split(":", 2)[1]
        if not controllers and unified:
            found.append(Hierarchy("", unified))
        for names, where in mounted.items():
            if controllers and set(controllers.split(",")) <= names:
                found.append(Hierarchy(controllers, where))
    return tuple(found)


def current() -> tuple[Hierarchy, ...]:
    """The hierarchies of this machine."""
    return hierarchies(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())


def _inherit_cpuset(group: Path) -> None:
    """A new v1 cpuset has no CPUs and takes no process until it has: copy its parent's."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = group / name
        if file.exists() and not file.read_text().strip():
            file.write_text((group.parent / name).read_text())


def delegate(group: Path) -> None:
    """Pass every controller that a v2 group has on to its children."""
    for controller in (group / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def join(clone: str, leaf: str) -> None:
    """Create ``huiju-<clone>/<leaf>`` in every hierarchy and move this process into it."""
    for hierarchy in current():
        group = hierarchy.mount / f"huiju-{clone}" / leaf
        if hierarchy.v2 and hierarchy.mount == MOUNT:
            delegate(hierarchy.mount)
        for folder in (group.parent, group):
            folder.mkdir(exist_ok=True)
            if hierarchy.controllers == "cpuset":
                _inherit_cpuset(folder)
        if hierarchy.v2 and hierarchy.mount == MOUNT:
            delegate(group.parent)
        (group / "cgroup.procs").write_text(str(os.getpid()))


def _below(group: Path) -> list[Path]:
    """Groups under ``group``, the deepest first; they may vanish while one looks."""
    return [Path(folder) for folder, _, _ in os.walk(group, topdown=False)][:-1]


def _pids(group: Path) -> set[int]:
    """Every process in a group and below."""
    found: set[int] = set()
    for folder in (*_below(group), group):
        with contextlib.suppress(OSError):
            found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found


def remove(clone: str, leaf: str = "", seconds: float = 15.0) -> list[str]:
    """Kill what is left in the group and remove it everywhere; the groups that could not be removed are returned."""
    groups = [hierarchy.mount / f"huiju-{clone}" / leaf for hierarchy in current()]
    deadline = time.monotonic() + seconds
    while any(group.exists() for group in groups):
        for group in groups:
            for pid in _pids(group) - {os.getpid()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for folder in (*_below(group), group):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return [str(group) for group in groups if group.exists()]
