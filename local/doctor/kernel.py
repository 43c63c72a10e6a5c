"""What the embedded cluster asks of the kernel, tried out in namespaces of its own that vanish with the trial."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.doctor.finding import Finding, State, judged
from local.host_packages import SYSTEM_PATH

AREA = "embedded cluster"
PATIENCE_SECONDS = 10
INOTIFY = 60
"""Instances to have free: a cluster and a trial school take about 40 (measured 2026-11-24)."""
CONTROLLERS = ("cpu", "memory", "pids")
OTHER_CLUSTER = "run on a kernel that has it, or use another cluster: huiju up --context NAME"

TRIALS = {
    "namespaces": ("--mount --net --pid --fork", "true"),
    "bridge and veth": ("--net", "ip link add d-br type bridge && ip link add d-a type veth peer name d-b"),
    "iptables conntrack": (
        "--net",
        "iptables -t nat -A PREROUTING -p tcp -j DNAT --to 127.0.0.1 && iptables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT",
    ),
    "NFQUEUE": ("--net", "iptables -A FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num 7"),
}
"""Name -> namespaces to unshare, and the commands that must succeed inside them."""


def findings(wanted: bool) -> Iterator[Finding]:
    """``wanted``: whether the embedded cluster is the one in use; when not, nothing here counts as missing."""
    lacking = State.MISSING if wanted else State.UNUSED
    root = os.geteuid() == 0
    yield judged(
        AREA,
        "root",
        root,
        "yes" if root else "no",
        "run as root, or use another cluster: huiju up --context NAME",
        otherwise=lacking,
    )
    for name, (namespaces, commands) in TRIALS.items():
        if root:
            trouble = attempt(namespaces, commands)
            yield judged(AREA, name, not trouble, trouble or "works", OTHER_CLUSTER, otherwise=lacking)
        else:
            yield Finding(AREA, name, State.UNUSED, "not tried: needs root")
    yield _cgroups(lacking)
    if wanted:
        yield _watches(inotify_limit(), inotify_used())
    overlay = "overlay" in Path("/proc/filesystems").read_text(encoding="utf-8")
    yield judged(
        AREA, "overlayfs", overlay, "works" if overlay else "not in this kernel", OTHER_CLUSTER, otherwise=lacking
    )


def attempt(namespaces: str, commands: str) -> str:
    """Run shell ``commands`` in fresh namespaces; what went wrong in one line, or nothing."""
    variables = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"}
    words = ["unshare", *namespaces.split(), "sh", "-c", commands]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS, env=variables
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
    return lines[-1] if done.returncode else ""


def inotify_limit() -> int:
    """How many inotify instances one user may have."""
    return int(Path("/proc/sys/fs/inotify/max_user_instances").read_text(encoding="ascii"))


def inotify_used() -> int:
    """How many the processes that can be looked into have now."""
    found = 0
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found += str(descriptor.readlink()) == "anon_inode:inotify"
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def _watches(limit: int, used: int) -> Finding:
    """Without them the kubelet says 'too many open files', and logs stop being followed."""
    detail = f"{used} of {limit} in use"
    mend = "sysctl -w fs.inotify.max_user_instances=1024"
    return judged(AREA, "inotify instances", limit - used >= INOTIFY, detail, mend, otherwise=State.WARNING)


def _cgroups(lacking: State) -> Finding:
    """Either hierarchy will do as long as the controllers are in it."""
    root = Path("/sys/fs/cgroup")
    unified = root / "cgroup.controllers"
    has = (
        set(unified.read_text(encoding="utf-8").split())
        if unified.exists()
        else {path.name for path in root.glob("*/")}
    )
    has |= {part for name in has for part in name.split(",")}
    absent = [name for name in CONTROLLERS if name not in has]
    kind = "version 2" if unified.exists() else "version 1"
    detail = f"{kind}, without {', '.join(absent)}" if absent else kind
    return judged(
        AREA, "cgroups", not absent, detail, "mount the cgroup controllers, or use another cluster", otherwise=lacking
    )
