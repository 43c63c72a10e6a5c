"""Pod Security `restricted` (v1.35) as a table of its own: it shares nothing with the code that makes the pods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
"""https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


def _either(pod: Spec, container: Spec, key: str) -> Any:
    return container.get("securityContext", {}).get(key, pod.get("securityContext", {}).get(key))


POD_RULES: dict[str, Callable[[Spec], bool]] = {
    "host namespaces": lambda pod: not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
    "volume types": lambda pod: all(set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", [])),
    "no API token": lambda pod: pod.get("automountServiceAccountToken") is False,
}
CONTAINER_RULES: dict[str, Callable[[Spec, Spec], bool]] = {
    "not privileged": lambda _, c: not c.get("securityContext", {}).get("privileged"),
    "no privilege escalation": lambda _, c: c.get("securityContext", {}).get("allowPrivilegeEscalation") is False,
    "drops ALL, adds nothing": lambda _, c: c.get("securityContext", {}).get("capabilities") == {"drop": ["ALL"]},
    "read-only root": lambda _, c: c.get("securityContext", {}).get("readOnlyRootFilesystem") is True,
    "non-root": lambda pod, c: (
        _either(pod, c, "runAsNonRoot") is True and _either(pod, c, "runAsUser") not in (0, None)
    ),
    "seccomp": lambda pod, c: _either(pod, c, "seccompProfile") in ({"type": "RuntimeDefault"}, {"type": "Localhost"}),
    "no host ports": lambda _, c: not any(port.get("hostPort") for port in c.get("ports", [])),
    "memory limit": lambda _, c: "memory" in c.get("resources", {}).get("limits", {}),
    "image by digest": lambda _, c: "@sha256:" in c.get("image", ""),
}


def broken(pod: Spec) -> Iterator[str]:
    """Rules that a pod spec breaks."""
    yield from (name for name, rule in POD_RULES.items() if not rule(pod))
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        yield from (
            f"{container['name']}: {name}" for name, rule in CONTAINER_RULES.items() if not rule(pod, container)
        )


def pods(body: Any) -> Iterator[Spec]:
    """Every pod spec somewhere in a manifest."""
    if isinstance(body, Mapping):
        if "containers" in body and "serviceAccountName" in body:
            yield body
        yield from (found for value in body.values() for found in pods(value))
    elif isinstance(body, list | tuple):
        yield from (found for value in body for found in pods(value))
