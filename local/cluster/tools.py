"""The programs that the parts run: the toolchain's, and those of the host's packages."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import UserError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Added behind the user's PATH: Debian keeps ``iptables`` and ``runc`` out of an ordinary one."""

HOST_TOOLS = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
"""Program -> Debian package that has it."""

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "kube-network-policies",
)


@dataclass(frozen=True)
class Tools:
    """Absolute paths of every program, and the PATH that the parts get."""

    program: dict[str, str]
    cni: Path
    path: str


def _search_path() -> str:
    return f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"


def _cni_folder() -> Path | None:
    for folder in CNI_FOLDERS:
        if all((folder / plugin).exists() for plugin in CNI_PLUGINS):
            return folder
    return None


def kubernetes_tool(name: str) -> str:
    """Absolute path of a program of the toolchain."""
    from local.toolchain import tool

    return str(tool(name))


def find() -> Tools:
    """Every program the cluster needs; :class:`UserError` names the packages that are missing."""
    found = {name: shutil.which(name, path=_search_path()) for name in HOST_TOOLS}
    cni = _cni_folder()
    missing = {HOST_TOOLS[name] for name, where in found.items() if where is None}
    if cni is None:
        missing.add("containernetworking-plugins")
    if missing:
        packages = " ".join(sorted(missing))
        raise UserError(
            f"the embedded cluster needs programs of the host that are not installed: {packages}.\n"
            f"Type `apt-get install -y {packages}` (as root), or use another cluster: `huiju up --context NAME`."
        )
    program = {name: where for name, where in found.items() if where}
    program |= {name: kubernetes_tool(name) for name in KUBERNETES}
    return Tools(program, cni or CNI_FOLDERS[0], SYSTEM_PATH)
