"""Pod Security `restricted` (Kubernetes 1.35) as a table: https://kubernetes.io/docs/concepts/security/pod-security-standards/

The API server enforces the same in a namespace that says so; here it is said before anything is made, and for every pod at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from policies.platform.planned import Body, containers, mapping, sequence

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
LEVEL: Final = "restricted"

_VOLUMES: Final = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)
_SECCOMP: Final = ("RuntimeDefault", "Localhost")
_ADDED: Final = frozenset({"NET_BIND_SERVICE"})
_SYSCTLS: Final = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
})  # fmt: skip

_POD: Final[Mapping[str, Callable[[Body], bool]]] = {
    "shares no namespace of the host (hostNetwork, hostPID, hostIPC)": lambda pod: (
        not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    ),
    "mounts only volumes that are no part of the host": lambda pod: all(
        set(mapping(volume)) - {"name"} <= _VOLUMES for volume in sequence(pod.get("volumes"))
    ),
    "sets only safe sysctls": lambda pod: all(
        mapping(each).get("name") in _SYSCTLS for each in sequence(_security(pod).get("sysctls"))
    ),
}
_CONTAINER: Final[Mapping[str, Callable[[Body, Body], bool]]] = {
    "is not privileged": lambda _, c: not _security(c).get("privileged"),
    "sets allowPrivilegeEscalation: false": lambda _, c: _security(c).get("allowPrivilegeEscalation") is False,
    "drops ALL capabilities and adds none but NET_BIND_SERVICE": lambda _, c: _capabilities(c),
    "runs as non-root (runAsNonRoot: true, runAsUser not 0)": lambda pod, c: (
        _either(pod, c, "runAsNonRoot") is True and _either(pod, c, "runAsUser") != 0
    ),
    "sets a seccompProfile, RuntimeDefault or Localhost": lambda pod, c: (
        mapping(_either(pod, c, "seccompProfile")).get("type") in _SECCOMP
    ),
    "takes no port of the host": lambda _, c: not any(mapping(p).get("hostPort") for p in sequence(c.get("ports"))),
    "keeps the default procMount": lambda _, c: _security(c).get("procMount", "Default") == "Default",
}


def broken(pod: Body) -> Iterator[str]:
    """What a pod spec would have to do and does not, one line each."""
    yield from (f"the pod {rule}" for rule, holds in _POD.items() if not holds(pod))
    for container in containers(pod):
        name = container.get("name", "?")
        yield from (f"container {name!r} {rule}" for rule, holds in _CONTAINER.items() if not holds(pod, container))


def _security(owner: Body) -> Mapping[str, Any]:
    return mapping(owner.get("securityContext"))


def _either(pod: Body, container: Body, key: str) -> Any:  # noqa: ANN401  # any JSON
    """The container's own word, else the pod's."""
    return _security(container).get(key, _security(pod).get(key))


def _capabilities(container: Body) -> bool:
    found = mapping(_security(container).get("capabilities"))
    return "ALL" in sequence(found.get("drop")) and set(sequence(found.get("add"))) <= _ADDED
