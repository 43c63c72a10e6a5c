"""A namespace per service: Pod Security, quota, defaults for containers, and a network that is shut until the catalog opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from catalog import City, names
from catalog.service import Service
from derive.tenants import district_of, tenants
from infra.config import StackSettings
from infra.plan.objects import meta
from infra.plan.ports import API_CLIENTS, DNS_PORTS, GATEWAY_PORTS, endpoint_port, opened
from infra.plan.resource import Body, Resource, resource

MODES = ("enforce", "audit", "warn")
POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in MODES}
EXCEPTIONS = {
    # It mounts the node's folder of pod logs, which only `privileged` allows; infra/plan/log_collector.py fences it in by itself.
    names.LOG_COLLECTOR: "privileged",
}
"""Service -> another Pod Security level, with its reason (docs/decisions/0090-log-collector.md)."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything that the services' namespaces consist of."""
    return tuple(each for tenant in tenants(city) for each in _tenant(city, tenant, settings))


def _tenant(city: City, service: Service, settings: StackSettings) -> Iterator[Resource]:
    yield _namespace(city, service)
    if settings.row.quotas:
        yield _quota(service)
    yield _limits(service)
    for name, spec in _policies(city, service, settings):
        yield resource(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": meta(name, service.id),
                "spec": spec,
            }
        )


def _namespace(city: City, service: Service) -> Resource:
    labels = {
        **names.labels(service.id),
        **_pod_security(service),
        names.LABEL_CITY: city.id,
        names.LABEL_FUNDING: service.funding,
        names.LABEL_PUBLIC: str(service.public).lower(),
        **({names.LABEL_DISTRICT: district} if (district := district_of(service.id)) else {}),
    }
    metadata = {
        "name": names.namespace(service.id),
        "labels": labels,
        "annotations": {
            f"{names.LABEL_PREFIX}/name-zh": service.name.zh,
            f"{names.LABEL_PREFIX}/name-en": service.name.en,
        },
    }
    # Deleting a namespace deletes the volumes in it.
    return resource({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, keeps_data=holds_data(service))


def _pod_security(service: Service) -> dict[str, str]:
    level = EXCEPTIONS.get(service.id)
    return dict.fromkeys(POD_SECURITY, level) if level else POD_SECURITY


def holds_data(service: Service) -> bool:
    """Whether volumes of the service keep what cannot be made again."""
    return service.id in {names.OBJECT_STORE, names.MONITORING, names.DATABASE}


def _quota(service: Service) -> Resource:
    quota = service.quota
    hard = {
        "requests.cpu": f"{round(quota.cpu_cores * 1000)}m",
        "requests.memory": f"{quota.memory_mib}Mi",
        "limits.memory": f"{quota.memory_mib}Mi",
        "requests.storage": f"{quota.storage_gib}Gi",
        "pods": str(quota.pods),
    }
    return resource(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta("quota", service.id), "spec": {"hard": hard}}
    )


CELLS = {
    names.OBJECT_STORE: "storeSizeGib",
    names.MONITORING: "metricsSizeGib",
    names.DATABASE: "databaseInstances or databaseSizeGib",
}
"""Service -> the cells of the profile by which its volumes are as large as they are."""


def problems(city: City, settings: StackSettings, resources: Iterable[Resource]) -> list[str]:
    """Services whose volumes do not fit into their quota: the API would refuse the claims when the namespaces are there already."""
    asked: Counter[str] = Counter()
    for each in resources:
        asked[each.namespace] += _volumes(each)
    return [
        f"catalog: the volumes of {each.id} take {asked[names.namespace(each.id)]} GiB with the profile {settings.profile}, and its quota "
        f"(storage_gib in services.yaml) is {each.quota.storage_gib}: raise the quota, or lower {CELLS[each.id]} in huiju:overrides "
        "(`huiju up --override CELL=VALUE`)"
        for each in tenants(city)
        if settings.row.quotas and asked[names.namespace(each.id)] > each.quota.storage_gib
    ]


def _volumes(each: Resource) -> int:
    """GiB of the volumes that come with a resource."""
    spec = each.props.get("spec", {})
    if each.kind == "PersistentVolumeClaim":
        return _gib(spec["resources"]["requests"]["storage"])
    return int(spec["instances"]) * _gib(spec["storage"]["size"]) if each.kind == "Cluster" else 0


def _gib(quantity: str) -> int:
    return int(quantity.removesuffix("Gi"))


def _limits(service: Service) -> Resource:
    """What a container gets that asks for nothing."""
    limit = {
        "type": "Container",
        "defaultRequest": {"cpu": "50m", "memory": "64Mi"},
        "default": {"memory": "256Mi"},
    }
    return resource(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": meta("defaults", service.id),
            "spec": {"limits": [limit]},
        }
    )


def _policies(city: City, service: Service, settings: StackSettings) -> Iterator[tuple[str, Body]]:
    """NetworkPolicies by name: shut, then what the catalog opens."""
    yield "default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    inside: Body = {"podSelector": {}}
    into = [
        rule("from", [inside]),
        *(rule("from", [_peer(other.id)], opened(other.id, service.id)) for other in _reaching(city, service)),
    ]
    out = [
        rule("to", [inside]),
        {"to": [_peer("kube-system")], "ports": DNS_PORTS},
        *(rule("to", [_peer(other.id)], opened(service.id, other.id)) for other in _reached(city, service)),
    ]
    if settings.store_endpoint and names.OBJECT_STORE in {service.id, *service.reaches}:
        out.append(rule("to", [], (endpoint_port(settings.store_endpoint),)))
    if service.id == names.GATEWAY:
        into.append(rule("from", [], GATEWAY_PORTS))
    yield "allowed", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": into, "egress": out}
    if service.id in API_CLIENTS:
        clients = {"matchLabels": {names.LABEL_API_CLIENT: "true"}}
        yield (
            "kubernetes-api",
            {"podSelector": clients, "policyTypes": ["Egress"], "egress": [rule("to", [], API_CLIENTS[service.id])]},
        )


def _reached(city: City, service: Service) -> tuple[Service, ...]:
    """Services that ``service`` talks to: those it names, and for the gateway those with a route."""
    return tuple(
        other
        for other in tenants(city)
        if other.id != service.id and (other.id in service.reaches or (service.id == names.GATEWAY and other.public))
    )


def _reaching(city: City, service: Service) -> tuple[Service, ...]:
    """Services that talk to ``service``."""
    return tuple(other for other in tenants(city) if service in _reached(city, other))


def _peer(service: str) -> Body:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": names.namespace(service)}}}


def rule(side: str, peers: list[Body], ports: tuple[int, ...] = ()) -> Body:
    """One opening; without peers to or from anywhere, without ports on any of them."""
    numbers = [{"protocol": "TCP", "port": port} for port in ports]
    return {**({side: peers} if peers else {}), **({"ports": numbers} if numbers else {})}
