"""Start the cluster's namespaces: `python -m local.cluster.launch`, run by the keeper, ends when the first process inside has begun.

Three processes: this one stays on the host and lends the network link; a second joins the cgroup and leaves the host's namespaces;
its child is PID 1 of the new PID namespace, prepares mounts and network, and becomes the supervisor.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys

from local import paths
from local.cluster import cgroups, mounts, network, process
from local.cluster.layout import Layout, layout
from local.cluster.plan import Plan

NEW_NS, NEW_CGROUP, NEW_UTS, NEW_IPC, NEW_PID, NEW_NET = (
    0x20000,
    0x2000000,
    0x4000000,
    0x8000000,
    0x20000000,
    0x40000000,
)
NAMESPACES = NEW_NS | NEW_CGROUP | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET
LOCK_SECONDS = 30
MODULES = ("overlay", "br_netfilter")
"""Without br_netfilter pods of one node bypass iptables: Services between them and NetworkPolicies would not work."""
HOSTNAME = "huiju"
"""Also the node's name: the same in every clone."""

_libc = ctypes.CDLL(None, use_errno=True)


def _unshare() -> None:
    if _libc.unshare(NAMESPACES):
        raise OSError(ctypes.get_errno(), "unshare: cannot make namespaces")


def _first_process(plan: Plan, where: Layout, go: int) -> None:
    """Life of PID 1 until it becomes the supervisor: wait for the link, prepare, exec."""
    if os.read(go, 1) != b"1":
        os._exit(1)  # the launcher died
    os.close(go)
    socket.sethostname(HOSTNAME)
    mounts.prepare(where)
    network.configure_node(plan.network)
    os.chdir(paths.ROOT)
    os.environ["PATH"] = plan.path
    os.execv(sys.executable, [sys.executable, "-m", "local.cluster.supervisor", str(where.root)])  # noqa: S606


def _enter(plan: Plan, where: Layout, report: int, go: int) -> None:
    """The middle process: into the cgroup, out of the host's namespaces, and one fork."""
    cgroups.join(plan.clone, "node")
    _unshare()
    child = os.fork()
    if child == 0:
        os.close(report)
        os.setsid()
        _first_process(plan, where, go)
    os.write(report, str(child).encode())
    os._exit(0)


def _forked(plan: Plan, where: Layout, report: int, go: int) -> int:
    """Run :func:`_enter` in a child; whatever goes wrong there is printed and never returns into this process's code."""
    child = os.fork()
    if child == 0:
        try:
            _enter(plan, where, report, go)
        except BaseException as error:
            print(f"launch: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(1)
    return child


def launch(where: Layout) -> process.Identity:
    """Clear what an earlier run left, start the namespaces, connect them, record their first process."""
    with process.locked(where.launching, LOCK_SECONDS):
        if not where.wanted.exists():
            raise OSError("the cluster was stopped meanwhile")
        return _launch(where)


def _load_modules() -> None:
    """Kernels that have them as modules need them loaded from outside; kernels with all built in have no modprobe."""
    with contextlib.suppress(OSError):
        subprocess.run(["modprobe", "-a", "-q", *MODULES], capture_output=True, check=False)


def _launch(where: Layout) -> process.Identity:
    _load_modules()
    plan = Plan.read(where.plan)
    if left := cgroups.remove(plan.clone, "node"):
        raise OSError(f"processes of an earlier run will not die: {', '.join(left)}")
    report_in, report_out = os.pipe()
    go_in, go_out = os.pipe()
    child = _forked(plan, where, report_out, go_in)
    os.close(report_out)
    os.close(go_in)
    text = os.read(report_in, 32)
    os.waitpid(child, 0)
    first = process.identify(int(text)) if text else None
    if first is None:
        raise OSError("the cluster's namespaces could not be made")
    network.connect_host(plan.network, first.pid)
    process.write(where.process("supervisor"), first)
    os.write(go_out, b"1")
    return first


if __name__ == "__main__":
    try:
        print(launch(layout()).pid)
    except OSError as error:
        sys.exit(f"launch: {error}")
