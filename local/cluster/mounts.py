"""The cluster's private view of the file system: made by the first process of its mount namespace, gone with its last."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from local.cluster import cgroups
from local.cluster.layout import CNI_CACHE, CONTAINERD_SOCKET, KUBELET_ROOT, RUN, SERVICE_ACCOUNT, Layout

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_SLAVE, MS_SHARED = 4096, 16384, 1 << 19, 1 << 20
PRIVATE = MS_NOSUID | MS_NODEV | MS_NOEXEC

_libc = ctypes.CDLL(None, use_errno=True)

KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet wants to find in these machine-wide settings. It finds it in files mounted over them: the machine keeps its own."""


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """The system call; OSError names the target."""
    words = [str(word).encode() for word in (source, target, kind)]
    if _libc.mount(*words, ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _bind(source: Path, target: Path) -> None:
    mount(source, target, flags=MS_BIND | MS_REC)


def _control_groups(hierarchies: tuple[cgroups.Hierarchy, ...]) -> None:
    """Mount the hierarchies afresh: inside the cgroup namespace their root is the cluster's own group."""
    if len(hierarchies) == 1 and hierarchies[0].v2:
        mount("cgroup2", cgroups.MOUNT, "cgroup2", PRIVATE)
        leaf = cgroups.MOUNT / "supervisor"  # v2: a group with processes cannot pass controllers on
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text("0")
        cgroups.delegate(cgroups.MOUNT)
        return
    mount("tmpfs", cgroups.MOUNT, "tmpfs", PRIVATE, "mode=755")
    for hierarchy in hierarchies:
        if hierarchy.v2:
            continue  # hybrid: the unified hierarchy holds no controllers
        name = hierarchy.controllers.removeprefix("name=")
        folder = cgroups.MOUNT / name
        folder.mkdir()
        option = f"none,{hierarchy.controllers}" if "=" in hierarchy.controllers else hierarchy.controllers
        mount("cgroup", folder, "cgroup", PRIVATE, option)
        for single in name.split(",") if "," in name else []:
            (cgroups.MOUNT / single).symlink_to(name)


def _kernel_settings() -> None:
    """Cover machine-wide settings that the kubelet would otherwise write."""
    for key, value in KERNEL_SETTINGS.items():
        cover, setting = RUN / "kernel" / key, Path("/proc/sys", key)
        cover.parent.mkdir(parents=True, exist_ok=True)
        cover.write_text(f"{value}\n")
        if setting.exists():
            _bind(cover, setting)


def _private_var_lib() -> None:
    """A copy-on-write view of /var/lib, so that nothing is left there.

    Making the folders on the host and deleting them later would not do: deleting a mount point unmounts it in every namespace,
    also in the cluster of another clone.
    """
    upper, work = RUN / "var-lib/upper", RUN / "var-lib/work"
    for folder in (upper, work):
        folder.mkdir(parents=True)
    mount("overlay", "/var/lib", "overlay", MS_NOSUID | MS_NODEV, f"lowerdir=/var/lib,upperdir={upper},workdir={work}")


def _uncover(folder: Path, handle: int) -> None:
    """Bring the data folder back where one of our mounts covers it (XDG_STATE_HOME below /var/lib)."""
    if not folder.exists() or not os.path.samestat(folder.stat(), os.fstat(handle)):
        folder.mkdir(parents=True, exist_ok=True)
        _bind(Path(f"/proc/self/fd/{handle}"), folder)


def prepare(layout: Layout) -> None:
    """Cut this mount namespace off from the host's and lay out what the components expect."""
    hierarchies = cgroups.current()
    data = os.open(layout.root, os.O_PATH)
    mount("none", "/", flags=MS_REC | MS_SLAVE)  # unmounts on the host still arrive, nothing of ours leaves
    mount("none", "/", flags=MS_REC | MS_SHARED)
    mount("proc", "/proc", "proc", PRIVATE)
    mount("sysfs", "/sys", "sysfs", PRIVATE)
    _control_groups(hierarchies)
    mount("tmpfs", RUN, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    mount("tmpfs", "/var/log", "tmpfs", PRIVATE, "mode=755")
    _private_var_lib()
    _uncover(layout.root, data)
    os.close(data)
    made = (
        Path("/var/log/pods"),
        KUBELET_ROOT,
        CNI_CACHE,
        CONTAINERD_SOCKET.parent,
        SERVICE_ACCOUNT,
        RUN / "cni",
        RUN / "lock",
    )
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)
    _bind(layout.pod_logs, Path("/var/log/pods"))
    _bind(layout.kubelet, KUBELET_ROOT)
    _bind(RUN / "cni", CNI_CACHE)  # addresses of pods are handed out anew at each start
    _kernel_settings()
