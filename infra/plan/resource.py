"""One planned object: what the engine registers, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.plan.renames import FORMER

Body = dict[str, Any]

HELM_RELEASE = "kubernetes:helm.sh/v3:Release"
RANKS: Mapping[str, int] = {
    "Namespace": -1,
    "RoleBinding": 1,  # after its role, which the API looks up to see whether whoever binds it may
    "ClusterRoleBinding": 1,
    "Release": 1,  # after the configuration and secrets around it, before the kinds that its chart defines
    "GatewayClass": 2,
    "EnvoyProxy": 2,
    "ClientTrafficPolicy": 2,  # before its listener: a door is never open before it is known who may come in
    "Gateway": 3,
    "ReferenceGrant": 2,  # before the policies that stand on it
    "SecurityPolicy": 3,  # before the routes that it guards
    "BackendTLSPolicy": 3,  # before the routes that it shuts to strangers
    "BackendTrafficPolicy": 3,  # before the routes that it spreads
    "HTTPRoute": 4,
    "StatefulSet": 5,
    "Deployment": 5,
    "DaemonSet": 5,
    "CronJob": 6,
    "Job": 6,
    "ImageCatalog": 6,  # its kind's operator runs by then, and looks at what comes in
    "ObjectStore": 6,
    "Cluster": 7,
    "Database": 8,
}
"""Order of creation inside one component; a kind that is not named here comes first. Deletion goes the other way round."""

TIMEOUT = "5m"
"""How long the provider awaits one object; its message then names the object and what its pods lack."""


@dataclass(frozen=True)
class Resource:
    """One object with a fixed name."""

    token: str
    kind: str
    namespace: str
    name: str
    props: Body = field(hash=False)
    keeps_data: bool = False
    """Protected, and left in place by `pulumi destroy`, where the profile says so."""

    @property
    def logical_name(self) -> str:
        """`<kind>/<namespace>/<name>`, its name in the engine's state."""
        return "/".join(part for part in (self.kind.lower(), self.namespace, self.name) if part)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Logical names it had before."""
        return FORMER.get(self.logical_name, ())

    @property
    def rank(self) -> int:
        """Its place in the order of creation."""
        return RANKS.get(self.kind, 0)

    @property
    def secret(self) -> bool:
        """Whether its content must be encrypted in the state."""
        return self.kind == "Secret"


def resource(body: Body, *, keeps_data: bool = False) -> Resource:
    """A Kubernetes object from its manifest."""
    api, meta = str(body["apiVersion"]), body["metadata"]
    group = api if "/" in api else f"core/{api}"
    kind = str(body["kind"])
    return Resource(
        f"kubernetes:{group}:{kind}", kind, str(meta.get("namespace", "")), str(meta["name"]), body, keeps_data
    )


def ordered(resources: Iterable[Resource]) -> tuple[tuple[Resource, ...], ...]:
    """The resources in groups: each group is created after the one before it."""
    ranks: dict[int, list[Resource]] = {}
    for each in resources:
        ranks.setdefault(each.rank, []).append(each)
    return tuple(tuple(ranks[rank]) for rank in sorted(ranks))


def digest(content: object, length: int = 12) -> str:
    """Hex digits that change when ``content`` (JSON data) does: for names and for annotations that roll pods."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
