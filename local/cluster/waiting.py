"""Waiting for the cluster to be of use, and naming what keeps it waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.errors import UserError
from local.cluster import log_files, part_status, process
from local.cluster.api import Api
from local.cluster.components import NODE_NAME
from local.cluster.layout import Layout
from local.cluster.supervisor import answers

Progress = Callable[[str], None]
STORAGE_CLASS = "local-path"


@dataclass(frozen=True)
class Condition:
    """Something that must come true, and whose log tells why it does not."""

    name: str
    holds: Callable[[], bool]
    part: str
    seconds: float


def node_ready(node: dict[str, Any] | None) -> bool:
    """Whether a Node object says Ready."""
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def available(deployment: dict[str, Any] | None) -> bool:
    """Whether a Deployment's newest version has all its copies available."""
    if deployment is None:
        return False
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(seen and status.get("updatedReplicas", 0) >= wanted and status.get("availableReplicas", 0) >= wanted)


def kept(layout: Layout, port: int) -> Condition:
    """Keeper and guard watch each other and the public port is open."""

    def holds() -> bool:
        running = all(process.read(layout.process(role)) for role in ("keeper", "guard"))
        return running and answers(f"tcp:127.0.0.1:{port}")

    return Condition("the keeper", holds, "keeper", 60)


def api_ready(api: Api) -> Condition:
    """The API server answers ready."""
    return Condition("the API server", lambda: api.get("/readyz")[0] == 200, "kube-apiserver", 120)  # noqa: PLR2004


def usable(api: Api) -> tuple[Condition, ...]:
    """What a cluster needs before anything is deployed to it."""
    apps, storage = "/apis/apps/v1/namespaces", f"/apis/storage.k8s.io/v1/storageclasses/{STORAGE_CLASS}"
    return (
        Condition("the node", lambda: node_ready(api.find(f"/api/v1/nodes/{NODE_NAME}")), "kubelet", 120),
        Condition(
            "cluster DNS", lambda: available(api.find(f"{apps}/kube-system/deployments/coredns")), "kubelet", 120
        ),
        Condition("the default StorageClass", lambda: api.find(storage) is not None, "kube-apiserver", 30),
        Condition(
            "the volume provisioner",
            lambda: available(api.find(f"{apps}/local-path-storage/deployments/local-path-provisioner")),
            "kubelet",
            120,
        ),
    )


def until(condition: Condition, layout: Layout, progress: Progress) -> None:
    """Wait for a condition; after its time, a :class:`UserError` with the last lines of the part to blame."""
    if condition.holds():
        return
    progress(f"waiting for {condition.name}")
    deadline = time.monotonic() + condition.seconds
    while not condition.holds():
        if time.monotonic() > deadline:
            raise UserError(_in_vain(condition, layout))
        time.sleep(0.2)


def _in_vain(condition: Condition, layout: Layout) -> str:
    """What was waited for, which processes do not run, and the last words of the first of them (or of the one to blame)."""
    idle = [f"{part.name} ({part.state})" for part in part_status.status() if part.state != "running"]
    first = idle[0].partition(" ")[0] if idle else condition.part
    blamed = "keeper" if first in ("guard", "supervisor") else first
    tail = "\n  ".join(log_files.tail(layout, blamed, 15))
    return (
        f"the embedded cluster waited {condition.seconds:.0f} s for {condition.name} in vain; "
        f"not running: {', '.join(idle) or 'nothing'}. Last lines of {blamed}:\n  {tail}\n"
        f"Look further with `huiju cluster status` and `huiju cluster logs {blamed}`; `huiju cluster down`, then `up`, starts afresh."
    )
