"""What people of a tier may do with the cluster's objects, written down a second time: plain Python over the city's facts.

It says what docs/engineer/policies.md says and shares nothing with the plan: no table of it, no name of a role, no derivation of `derive`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from catalog import City

Kind = tuple[str, str]
"""API group and kind, with a slash before a part of it."""


class Asked(NamedTuple):
    """One question to the API server; without a namespace it is about all of them, or about what is in none."""

    tier: str
    verb: str
    kind: Kind
    namespace: str


def _kinds(words: Mapping[str, str]) -> tuple[Kind, ...]:
    return tuple((group, kind) for group, kinds in words.items() for kind in kinds.split())


LOOKING = ("get", "list", "watch")
CHANGING = ("create", "update", "patch", "delete", "deletecollection")
WORK = _kinds(
    {
        "": "configmaps persistentvolumeclaims pods services",
        "apps": "daemonsets deployments deployments/scale replicasets statefulsets statefulsets/scale",
        "batch": "cronjobs jobs",
        "policy": "poddisruptionbudgets",
        "gateway.networking.k8s.io": "gateways httproutes",
        "postgresql.cnpg.io": "backups clusters databases imagecatalogs scheduledbackups",
        "barmancloud.cnpg.io": "objectstores",
    }
)
WALLS = _kinds(
    {
        "": "serviceaccounts resourcequotas limitranges",
        "networking.k8s.io": "networkpolicies",
        "rbac.authorization.k8s.io": "roles rolebindings",
        "gateway.envoyproxy.io": "securitypolicies backendtrafficpolicies clienttrafficpolicies envoyproxies",
        "gateway.networking.k8s.io": "referencegrants backendtlspolicies",
    }
)
TOLD = _kinds(
    {
        "": "endpoints events",
        "events.k8s.io": "events",
        "discovery.k8s.io": "endpointslices",
        "metrics.k8s.io": "pods",
    }
)
GROUND = _kinds(
    {
        "": "nodes persistentvolumes namespaces",
        "storage.k8s.io": "storageclasses",
        "metrics.k8s.io": "nodes",
    }
)
STREAMS = _kinds({"": "pods/exec pods/attach pods/portforward"})
NOBODY = _kinds(
    {
        "": "serviceaccounts/token nodes/proxy pods/proxy services/proxy pods/ephemeralcontainers users groups replicationcontrollers",
        "apps": "controllerrevisions",
        "rbac.authorization.k8s.io": "clusterroles clusterrolebindings",
        "certificates.k8s.io": "certificatesigningrequests certificatesigningrequests/approval",
        "apiextensions.k8s.io": "customresourcedefinitions",
        "admissionregistration.k8s.io": "validatingadmissionpolicies validatingwebhookconfigurations",
        "gateway.networking.k8s.io": "gatewayclasses",
    }
)
"""What no tier is given, whatever the verb."""
OTHERS = _kinds({"": "secrets pods/log pods/eviction"})
KINDS = (*WORK, *WALLS, *TOLD, *GROUND, *STREAMS, *NOBODY, *OTHERS)
VERBS = (*LOOKING, *CHANGING, "impersonate", "bind", "escalate", "*")
ELSEWHERE = ("kube-system", "default", "")
STRANGERS = ("no-such-tier", "")


def spaces(city: City) -> set[str]:
    """Every namespace of the platform: the edge of a district has one of its own."""
    edges = {f"edge-{district.id}" for district in city.districts}
    services = {service.id for service in city.services}
    return services - {"district-edge"} | (edges if "district-edge" in services else set())


def questions(city: City) -> Iterator[Asked]:
    """Every tier and two that there are not, every verb, every kind, in every namespace of the platform and outside."""
    tiers = [*(tier.id for tier in city.tiers), *STRANGERS]
    namespaces = [*spaces(city), *ELSEWHERE]
    yield from (Asked(*each) for each in product(tiers, VERBS, KINDS, namespaces))


def allowed(city: City, asked: Asked) -> bool:
    """Whether the API server must let it pass."""
    tier, verb, kind, namespace = asked
    sees, runs = (_over_all(city, tier, "platform", action) for action in ("view", "administer"))
    if kind in GROUND and verb in LOOKING and sees:
        return True
    if namespace not in spaces(city):
        return False
    boxes = namespace in {resource.service for resource in city.resources if resource.id == "school-box"}
    mends = boxes and (
        _over_all(city, tier, "school-box", "administer") or _has(city, tier, "school-box", "administer", "district")
    )
    looks = runs or sees or mends or (boxes and _over_all(city, tier, "school-box", "view"))
    shown = verb in LOOKING and kind in (*WORK, *WALLS, *TOLD, ("", "namespaces"))
    if shown or (verb, kind) == ("get", ("", "pods/log")):
        return looks
    if (verb, kind) == ("delete", ("", "pods")):
        return runs or mends
    return runs and _by_hand(verb, kind)


def _by_hand(verb: str, kind: Kind) -> bool:
    """What only those may who administer the platform."""
    return (
        (verb in CHANGING and kind in WORK)
        or (verb in LOOKING and kind == ("", "secrets"))
        or (verb in ("get", "create") and kind in STREAMS)
        or (verb == "create" and kind == ("", "pods/eviction"))
    )


def _over_all(city: City, tier: str, resource: str, action: str) -> bool:
    return _has(city, tier, resource, action, "city")


def _has(city: City, tier: str, resource: str, action: str, scope: str) -> bool:
    """Whether a grant gives a tier this action, over the whole of this scope."""
    return any(
        tier in grant.tiers and action in grant.actions and scope in grant.scopes
        for each in city.resources
        if each.id == resource
        for grant in each.grants
    )
