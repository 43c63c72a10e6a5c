"""State files as the engine writes them, small."""

from __future__ import annotations

import json
from typing import Any

SECRET = "4dabf18193072939515e22adb298388d"


def config_map(name: str, namespace: str = "ns") -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:test::huiju::kubernetes:core/v1:ConfigMap::configmap/{namespace}/{name}",
        "custom": True,
        "id": f"{namespace}/{name}",
        "type": "kubernetes:core/v1:ConfigMap",
        "inputs": {"metadata": {"name": name, "namespace": namespace}},
    }


def state(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = (), **outputs: Any) -> bytes:
    root = {
        "urn": "urn:pulumi:test::huiju::pulumi:pulumi:Stack::huiju-test",
        "type": "pulumi:pulumi:Stack",
        "outputs": outputs,
    }
    latest: dict[str, Any] = {"resources": [root, *resources]}
    if pending:
        latest["pending_operations"] = [{"resource": each, "type": "creating"} for each in pending]
    return json.dumps({"version": 3, "checkpoint": {"stack": "organization/huiju/test", "latest": latest}}).encode()
