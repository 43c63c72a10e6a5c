"""How much room the embedded object store has left, as the node's kubelet measures it."""

from __future__ import annotations

import json
from typing import Any

from catalog import names
from catalog.errors import UserError
from ops.lessons.place import Place

SPACE = names.namespace(names.OBJECT_STORE)
POD = f"{names.OBJECT_STORE}-0"
"""The store's one pod, as its StatefulSet names it."""


def left(summary: dict[str, Any]) -> int | None:
    """Bytes left on the store's volume in a kubelet's summary; the node's disk where the volume is a folder of it."""
    pods = [row for row in summary.get("pods", []) if row.get("podRef", {}).get("namespace") == SPACE]
    volumes = [volume for pod in pods for volume in pod.get("volume", []) if volume.get("pvcRef")]
    found = [volume.get("availableBytes") for volume in volumes] or [
        summary.get("node", {}).get("fs", {}).get("availableBytes")
    ]
    return min((int(value) for value in found if value is not None), default=None)


def free_bytes(place: Place) -> int | None:
    """What the store has left; None where that cannot be asked: an outside store, or no right to read it."""
    try:
        pod = json.loads(place.kubectl("get", "pod", POD, "-n", SPACE, "-o", "json"))
        return left(
            json.loads(place.kubectl("get", "--raw", f"/api/v1/nodes/{pod['spec']['nodeName']}/proxy/stats/summary"))
        )
    except (UserError, ValueError, KeyError):
        return None
