"""What the supervisor is to run, as plain data: written by ``up``, read by the processes that outlive it (standard library only)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Network:
    """The veth pair between host and node, and the ranges inside."""

    interface: str
    """Name of the host's end."""
    host: str
    node: str
    prefix: int
    pods: str = "10.244.0.0/16"
    node_pods: str = "10.244.0.0/22"
    """The single node's share of ``pods``: 1,022 addresses."""
    services: str = "10.96.0.0/16"
    api_service: str = "10.96.0.1"
    dns_service: str = "10.96.0.10"
    bridge: str = "cni0"
    queue: int = 100
    """NFQUEUE number; queues are per network namespace."""
    outside: bool = False
    """Whether node and pods may reach the outside through the host (NAT); off by default."""


@dataclass(frozen=True)
class Part:
    """One process under the supervisor."""

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    """Parts that must answer before this one is started."""
    ready: str = ""
    """How to see that it answers: ``tcp:<host>:<port>`` or ``unix:<path>``; empty means running is enough."""
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Everything that the launcher, the supervisor and the keeper need."""

    clone: str
    root: str
    network: Network
    port: int
    """The host's loopback port that is forwarded to the gateway's NodePort."""
    node_port: int
    path: str
    """PATH of the parts."""
    parts: tuple[Part, ...]
    digest: str = ""
    """Of this plan and of every configuration file; a running cluster with another digest is restarted by ``up``."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Plan:
        """The reverse of :meth:`to_json`."""
        raw: dict[str, Any] = json.loads(text)
        raw["network"] = Network(**raw["network"])
        raw["parts"] = tuple(
            Part(**(part | {"argv": tuple(part["argv"]), "after": tuple(part["after"])})) for part in raw["parts"]
        )
        return Plan(**raw)

    @staticmethod
    def read(path: Path) -> Plan:
        """The plan kept in ``path``."""
        return Plan.from_json(path.read_text())


def digest_of(plan: Plan, files: dict[Path, str]) -> str:
    """A digest over the plan and the contents of its configuration files, so that any change is noticed."""
    sums = hashlib.sha256(plan.to_json().encode())
    for path, content in sorted(files.items()):
        sums.update(f"\0{path}\0{content}".encode())
    return sums.hexdigest()[:16]
