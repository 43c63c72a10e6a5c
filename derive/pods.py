"""Fragments that every pod of the platform shares, so that each passes Pod Security `restricted` for the same reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]

UID = 10001
"""User and group of every container of our own; above the range of Debian's system users."""


def container_security() -> Manifest:
    """What a container may do: nothing but run."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def resources(cpu: str, memory: str, cpu_limit: str | None = None) -> Manifest:
    """Requests and limits: memory up to what is asked for, CPU may burst up to ``cpu_limit`` (default: as asked)."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit or cpu, "memory": memory}}


def pod(
    service_account: str,
    containers: Sequence[Manifest],
    volumes: Sequence[Manifest] = (),
    **more: Any,  # noqa: ANN401
) -> Manifest:
    """A pod spec: non-root, without an API token, with volumes owned by the pod's group."""
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            # A large volume is not walked at every start.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": list(containers),
        "volumes": list(volumes),
        **more,
    }


def scratch(name: str, size: str) -> Manifest:
    """A volume that lives as long as its pod, at most ``size`` (a Kubernetes quantity)."""
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def secret_files(name: str, secret: str) -> Manifest:
    """A Secret's entries as files that only the pod's group reads."""
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}}
