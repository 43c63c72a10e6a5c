"""Where each thing of the embedded cluster lies: one data folder per clone, and fixed private paths inside its namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local import paths

RUN = Path("/run")
"""A private tmpfs inside the cluster's mount namespace: sockets and state that must not outlive it."""

CONTAINERD_SOCKET = RUN / "containerd/containerd.sock"
SERVICE_ACCOUNT = RUN / "secrets/kubernetes.io/serviceaccount"
"""Where in-cluster clients look for their credentials (``/var/run`` is ``/run``)."""

KUBELET_ROOT = Path("/var/lib/kubelet")
CNI_CACHE = Path("/var/lib/cni")


@dataclass(frozen=True)
class Layout:
    """Paths under the data folder of one clone's cluster."""

    root: Path

    @property
    def pki(self) -> Path:
        """Keys and certificates (0700)."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Rendered configuration of every component (0700)."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One bounded log file per part."""
        return self.root / "logs"

    @property
    def pod_logs(self) -> Path:
        """What ``kubectl logs`` reads."""
        return self.root / "pod-logs"

    @property
    def etcd(self) -> Path:
        """The API server's database."""
        return self.root / "etcd"

    @property
    def containerd(self) -> Path:
        """Images and snapshots."""
        return self.root / "containerd"

    @property
    def kubelet(self) -> Path:
        """Mounted at :data:`KUBELET_ROOT`."""
        return self.root / "kubelet"

    @property
    def volumes(self) -> Path:
        """Persistent volumes of the default StorageClass."""
        return self.root / "volumes"

    @property
    def state(self) -> Path:
        """Small files that say what is wanted and what runs."""
        return self.root / "state"

    @property
    def plan(self) -> Path:
        """The rendered :class:`local.cluster.plan.Plan`."""
        return self.state / "plan.json"

    @property
    def wanted(self) -> Path:
        """Exists while the cluster shall run; keeper and guard mend nothing without it."""
        return self.state / "wanted"

    @property
    def lock(self) -> Path:
        """Held by the one ``up``, ``down`` or ``reset`` at work."""
        return self.root / "lock"

    @property
    def launching(self) -> Path:
        """Held while namespaces are being made, so that ``down`` does not overlook a cluster that is just being born."""
        return self.state / "launching.lock"

    @property
    def status(self) -> Path:
        """Written by the supervisor on every change."""
        return self.state / "parts.json"

    def process(self, name: str) -> Path:
        """Identity file of the keeper, the guard or the supervisor."""
        return self.state / f"{name}.process.json"

    def make(self) -> None:
        """Create the folders; keys and configuration are for the owner only."""
        for folder in (self.root, self.pki, self.config, self.logs, self.state):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.etcd, self.containerd, self.kubelet, self.pod_logs, self.volumes):
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.etcd.chmod(0o700)
        self.pod_logs.chmod(0o755)  # as on any node, so that the log collector can list it without being root


def layout() -> Layout:
    """The layout of this clone."""
    return Layout(paths.cluster_dir())
