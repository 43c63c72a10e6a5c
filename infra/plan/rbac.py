"""Who may do what with the cluster's own objects: the matrix of access compiled to Kubernetes roles, for a group of each tier.

A namespace is not divided into schools or districts. So a right over a part of the city opens nothing here, but for the one row of
`derive.points` that says otherwise. The engine comes as the cluster's own administrator and needs none of this
(docs/decisions/0200-the-matrix-in-the-cluster.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog import City, names
from catalog.access import Action
from derive.grants import cells
from derive.points import SERVED
from derive.tenants import tenants
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource

API = "rbac.authorization.k8s.io"
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
Kinds = Mapping[str, tuple[str, ...]]
"""API group -> kinds, as the API spells them."""

WORKED_ON: Kinds = {
    "": ("configmaps", "persistentvolumeclaims", "pods", "services"),
    "apps": ("daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets", "statefulsets/scale"),
    "barmancloud.cnpg.io": ("objectstores",),
    "batch": ("cronjobs", "jobs"),
    "gateway.networking.k8s.io": ("gateways", "httproutes"),
    "policy": ("poddisruptionbudgets",),
    "postgresql.cnpg.io": ("backups", "clusters", "databases", "imagecatalogs", "scheduledbackups"),
}
"""What people change by hand who administer the platform."""
WALLS: Kinds = {
    "": ("limitranges", "namespaces", "resourcequotas", "serviceaccounts"),
    "gateway.envoyproxy.io": ("backendtrafficpolicies", "clienttrafficpolicies", "envoyproxies", "securitypolicies"),
    "gateway.networking.k8s.io": ("backendtlspolicies", "referencegrants"),
    "networking.k8s.io": ("networkpolicies",),
    API: ("rolebindings", "roles"),
}
"""What the catalog is compiled to, and who pods are: looked at, and changed by the engine alone."""
TOLD: Kinds = {
    "": ("endpoints", "events"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "metrics.k8s.io": ("pods",),
}
"""What the cluster tells of them."""
GROUND: Kinds = {
    "": ("namespaces", "nodes", "persistentvolumes"),
    "metrics.k8s.io": ("nodes",),
    "storage.k8s.io": ("storageclasses",),
}
"""What the platform stands on; these kinds belong to no namespace."""
ENTERED: Kinds = {"": ("pods/attach", "pods/exec", "pods/portforward")}


class Role(StrEnum):
    """A set of rules, as a ClusterRole; in which namespaces it holds, bindings say."""

    VIEW = "view"
    """Look at everything but Secrets, and read what pods print."""
    MEND = "mend"
    """That, and restart pods. To restart a Deployment is to change it, and whoever changes one reads every Secret by a pod that mounts it;
    a deleted pod comes back as it was."""
    ADMINISTER = "administer"
    """That, and work on all but the walls. Secrets are read, since the kit's own commands sign in by them, and made by the engine alone."""
    NODES = "nodes"
    """Look at the ground."""


class Reach(StrEnum):
    """Where a role holds; not what it lets do."""

    SERVICE = "service"
    """In the namespace of the service that serves the class."""
    PLATFORM = "platform"
    """In every namespace of the platform."""
    CLUSTER = "cluster"
    """For kinds that belong to no namespace."""


@dataclass(frozen=True)
class Meaning:
    """What an action on a class of resources means in the cluster, for tiers that have it with as much as `derive.points` says."""

    resource: str
    action: Action
    role: Role
    reach: Reach


MEANINGS: tuple[Meaning, ...] = (
    Meaning(names.RESOURCE_PLATFORM, Action.VIEW, Role.VIEW, Reach.PLATFORM),
    Meaning(names.RESOURCE_PLATFORM, Action.VIEW, Role.NODES, Reach.CLUSTER),
    Meaning(names.RESOURCE_PLATFORM, Action.ADMINISTER, Role.ADMINISTER, Reach.PLATFORM),
    Meaning(names.RESOURCE_SCHOOL_BOX, Action.VIEW, Role.VIEW, Reach.SERVICE),
    Meaning(names.RESOURCE_SCHOOL_BOX, Action.ADMINISTER, Role.MEND, Reach.SERVICE),
)
"""The compiler's whole knowledge. Every other class is shown to people by its service and is no object of the cluster: its actions
mean nothing here, whoever has them."""


def _rules(verbs: tuple[str, ...], *kinds: Kinds) -> tuple[Body, ...]:
    return tuple(
        {"apiGroups": [group], "resources": list(found), "verbs": list(verbs)}
        for each in kinds
        for group, found in each.items()
    )


_LOOK = (*_rules(READ, WORKED_ON, WALLS, TOLD), *_rules(("get",), {"": ("pods/log",)}))
RULES: Mapping[Role, tuple[Body, ...]] = {
    Role.VIEW: _LOOK,
    Role.MEND: (*_LOOK, *_rules(("delete",), {"": ("pods",)})),
    Role.ADMINISTER: (
        *_LOOK,
        *_rules(WRITE, WORKED_ON),
        *_rules(READ, {"": ("secrets",)}),
        # Clients open streams by GET (WebSocket) or POST (SPDY), and the API server asks for `create` too.
        *_rules(("get", "create"), ENTERED),
        *_rules(("create",), {"": ("pods/eviction",)}),
    ),
    Role.NODES: _rules(READ, GROUND),
}


def plan(city: City) -> tuple[Resource, ...]:
    """The roles, and who has them where."""
    return (*(_role(city, role) for role in Role), *_bindings(city))


def services(city: City, tier: str) -> list[str]:
    """Ids of the services into whose namespaces the tier may look, in order."""
    return sorted({service for held, service, _ in _held(city) if held == tier and service})


def tiers(city: City) -> list[str]:
    """Ids of the tiers that have anything in the cluster, in the catalog's order."""
    return [tier.id for tier in city.tiers if services(city, tier.id)]


def _name(role: Role) -> str:
    return f"{names.MANAGED_BY}-{role}"


def _role(city: City, role: Role) -> Resource:
    # The stamp stands here and not on each binding, or an edit of any fact would change twenty objects.
    stamp = {names.ANNOTATION_DIGEST: city.digest}
    metadata = {"name": _name(role), "labels": names.labels(names.GATEWAY, _name(role)), "annotations": stamp}
    return resource({"apiVersion": f"{API}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": [*RULES[role]]})


def _bindings(city: City) -> Iterator[Resource]:
    found: dict[tuple[str, Role], list[str]] = {}
    for tier, service, role in _held(city):
        tiers = found.setdefault((service, role), [])
        tiers += [tier] if tier not in tiers else []
    for (service, role), tiers in sorted(found.items()):
        yield _binding(service, role, tiers)


def _held(city: City) -> Iterator[tuple[str, str, Role]]:
    """Tier, service (empty: of no namespace) and role, for each cell of the matrix that means something here."""
    serving = {each.id: each.service for each in city.resources}
    for cell in cells(city):
        for meaning in MEANINGS:
            row = (meaning.resource, meaning.action)
            if row == (cell.resource, cell.action) and SERVED[row].scopes & {*cell.scopes}:
                places = {
                    Reach.SERVICE: [serving[cell.resource]],
                    Reach.PLATFORM: [tenant.id for tenant in tenants(city)],
                    Reach.CLUSTER: [""],
                }
                yield from ((cell.tier, place, meaning.role) for place in places[meaning.reach])


def _binding(service: str, role: Role, tiers: list[str]) -> Resource:
    groups = [{"apiGroup": API, "kind": "Group", "name": names.tier_group(tier)} for tier in tiers]
    name = _name(role)
    metadata = objects.meta(name, service) if service else {"name": name, "labels": names.labels(names.GATEWAY, name)}
    return resource(
        {
            "apiVersion": f"{API}/v1",
            "kind": "RoleBinding" if service else "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": API, "kind": "ClusterRole", "name": name},
            "subjects": groups,
        }
    )
