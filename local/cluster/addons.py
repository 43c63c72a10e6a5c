"""Cluster DNS, the default StorageClass and the parts' permissions: applied by ``up``, with the images of this machine."""

from __future__ import annotations

import string
import subprocess
from pathlib import Path

from local.cluster.layout import Layout
from local.cluster.plan import Network
from local.cluster.tools import Tools

MANIFESTS = Path(__file__).with_name("addons") / "addons.yaml"


def manifests(layout: Layout, network: Network, images: dict[str, str]) -> str:
    """The manifests with this cluster's values filled in; a placeholder without a value raises KeyError."""
    values = {
        "coredns": images["coredns"],
        "provisioner": images["local-path-provisioner"],
        "base": images["base"],
        "dns_service": network.dns_service,
        "volumes": str(layout.volumes),
        "forward": "forward . /etc/resolv.conf" if network.outside else "",
    }
    return string.Template(MANIFESTS.read_text()).substitute(values)


def apply(tools: Tools, kubeconfig: Path, text: str) -> None:
    """Server-side apply, so that a second run changes nothing."""
    command = [
        tools.program["kubectl"],
        "--kubeconfig",
        str(kubeconfig),
        "--cache-dir",  # a process of the cluster has no HOME, and kubectl would make its cache in the clone
        str(kubeconfig.parent / "kubectl-cache"),
        "apply",
        "--server-side",
        "--force-conflicts",
        "-f",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"kubectl apply of the addons: {done.stderr.strip()}")
