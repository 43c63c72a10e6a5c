"""Where the pack lets something pass that its rules refuse; each row has its decision, and says as little as will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from catalog import names
from policies.platform.planned import Body, Planned, containers, mapping, sequence

NODE_FOLDERS: Final[Mapping[str, str]] = {names.namespace(names.LOG_COLLECTOR): "/var/log/pods"}
"""Namespace -> the one folder of the node that its pods may read (docs/decisions/0090-log-collector.md). Only the level `privileged`
lets them, so the namespace carries that; a ValidatingAdmissionPolicy of the plan takes back all else that it gives."""
LEVEL: Final = "privileged"


def level(resource: Planned, usual: str) -> str:
    """The Pod Security level that a namespace must enforce."""
    return LEVEL if mapping(resource.props.get("metadata")).get("name") in NODE_FOLDERS else usual


def without_node_folder(resource: Planned, pod: Body) -> Body:
    """The pod without the volume that it may have: the right folder in the right namespace, and mounted to read only."""
    folder = NODE_FOLDERS.get(str(mapping(resource.props.get("metadata")).get("namespace")))
    if folder is None:
        return pod
    kept = [volume for volume in sequence(pod.get("volumes")) if not _only_read(pod, mapping(volume), folder)]
    return {**pod, "volumes": kept}


def _only_read(pod: Body, volume: Mapping[str, Any], folder: str) -> bool:
    if mapping(volume.get("hostPath")).get("path") != folder or set(volume) != {"name", "hostPath"}:
        return False
    mounts = [mapping(each) for container in containers(pod) for each in sequence(container.get("volumeMounts"))]
    return all(mount.get("readOnly") is True for mount in mounts if mount.get("name") == volume.get("name"))
