"""A namespace per service, shut until the catalog opens it: quotas, labels and exactly the paths that the catalog names."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pytest

from catalog import City
from catalog.errors import UserError
from catalog.service import Service
from derive import live
from derive.tenants import tenants
from infra.plan import tenancy
from infra.plan.platform import Platform
from infra.plan.platform import plan as plan_platform
from infra.plan.resource import Resource
from tests.infra.conftest import Settings
from tests.infra.restricted import pods
from tests.integration.test_up_prod import SMALL


def found(resources: tuple[Resource, ...], kind: str, namespace: str, name: str) -> dict[str, Any]:
    (one,) = [each.props for each in resources if (each.kind, each.namespace, each.name) == (kind, namespace, name)]
    return one


Path = tuple[str, str, int]
"""From a namespace, to a namespace, on a port."""


def allows(resources: tuple[Resource, ...], path: Path, labels: dict[str, str] | None = None) -> bool:
    """Whether a pod with ``labels`` gets through, as a NetworkPolicy engine would judge."""
    origin, target, port = path
    return _passes(resources, "egress", path, labels or {}) and _passes(
        resources, "ingress", (target, origin, port), {}
    )


def _passes(resources: tuple[Resource, ...], side: str, path: Path, labels: dict[str, str]) -> bool:
    """Whether the policies of the first namespace let the path through on their side."""
    home, other, port = path
    key = {"egress": "to", "ingress": "from"}[side]
    policies = [each.props["spec"] for each in resources if each.kind == "NetworkPolicy" and each.namespace == home]
    mine = [spec for spec in policies if spec["podSelector"].get("matchLabels", {}).items() <= labels.items()]
    shut = any(side.capitalize() in spec["policyTypes"] for spec in mine)
    rules = [rule for spec in mine for rule in spec.get(side, [])]
    return not shut or any(_peer(rule.get(key), home, other) and _port(rule.get("ports"), port) for rule in rules)


def _peer(peers: list[Any] | None, home: str, other: str) -> bool:
    def one(peer: dict[str, Any]) -> bool:
        wanted = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", home)
        return bool(wanted == other)

    return peers is None or any(one(peer) for peer in peers)


def _port(ports: list[Any] | None, port: int) -> bool:
    return ports is None or any(each["port"] == port for each in ports)


@pytest.mark.parametrize(
    ("path", "open_"),
    [
        (("gateway", "portal", 8080), True),
        (("gateway", "portal", 8081), False),
        (("gateway", "video-library", 8443), True),
        (("gateway", "video-library", 8444), True),
        (("gateway", "school-edge", 8080), True),
        (("gateway", "school-edge", 8081), False),
        (("monitoring", "school-edge", 8081), True),
        (("monitoring", "school-edge", 8080), False),
        (("school-edge", "monitoring", 9090), True),
        (("school-edge", "monitoring", 9093), False),
        (("school-edge", "object-store", 7070), False),
        (("portal", "school-edge", 8080), False),
        (("monitoring", "video-library", 8083), True),
        (("monitoring", "video-library", 8443), False),
        (("monitoring", "video-library", 8444), False),
        (("gateway", "object-store", 7070), False),
        (("video-library", "object-store", 7070), True),
        (("video-library", "object-store", 7071), False),
        (("object-store", "video-library", 8443), False),
        (("portal", "object-store", 7070), False),
        (("portal", "video-library", 8444), False),
        (("video-library", "database", 5432), True),
        (("video-library", "database", 9187), False),
        (("monitoring", "database", 9187), True),
        (("monitoring", "database", 5432), False),
        (("portal", "database", 5432), False),
        (("portal", "gateway", 19000), False),
        (("portal", "portal", 9), True),
        (("gateway", "edge-east", 8443), True),
        (("gateway", "edge-east", 8083), False),
        (("monitoring", "edge-east", 8083), True),
        (("monitoring", "edge-east", 8443), False),
        (("portal", "edge-east", 8443), False),
        (("school-edge", "edge-east", 8443), False),
        (("edge-hills", "edge-east", 8443), False),
        (("edge-east", "edge-hills", 8443), False),
        (("edge-east", "video-library", 8443), True),
        (("edge-east", "video-library", 8444), False),
        (("edge-east", "video-library", 8083), False),
        (("gateway", "video-library", 8083), False),
        (("edge-east", "object-store", 7070), False),
        (("edge-east", "gateway", 10443), False),
        (("elsewhere", "gateway", 10443), True),
        (("elsewhere", "gateway", 19000), False),
        (("elsewhere", "portal", 8080), False),
    ],
)
def test_a_path_is_open_if_and_only_if_the_catalog_names_it(
    tiny: City, settings: Settings, path: Path, open_: bool
) -> None:
    assert allows(tenancy.plan(tiny, settings()), path) is open_


@pytest.mark.parametrize(
    ("side", "path"), [("ingress", ("object-store", "video-library")), ("egress", ("video-library", "object-store"))]
)
def test_each_side_names_the_port_by_itself(tiny: City, settings: Settings, side: str, path: tuple[str, str]) -> None:
    plan = tenancy.plan(tiny, settings())
    assert _passes(plan, side, (*path, 7070), {})
    assert not _passes(plan, side, (*path, 7071), {})


def test_closing_a_reach_in_the_catalog_closes_the_path_and_no_other(tiny: City, settings: Settings) -> None:
    services = tuple(s.model_copy(update={"reaches": ()}) if s.id == "video-library" else s for s in tiny.services)
    before = tenancy.plan(tiny, settings())
    after = tenancy.plan(tiny.model_copy(update={"services": services}), settings())
    ids = [service.id for service in tiny.services]
    paths = [(*pair, port) for pair in product(ids, ids) for port in (7070, 5432)]
    changed = [path for path in paths if allows(before, path) != allows(after, path)]
    assert changed == [("video-library", "object-store", 7070), ("video-library", "database", 5432)]


def test_a_service_that_is_not_public_has_no_path_from_the_gateway(tiny: City, settings: Settings) -> None:
    hidden = tuple(s.model_copy(update={"public": False, "reaches": ()}) for s in tiny.services)
    plan = tenancy.plan(tiny.model_copy(update={"services": hidden}), settings())
    assert not allows(plan, ("gateway", "portal", 8080))
    assert found(plan, "Namespace", "", "portal")["metadata"]["labels"]["huiju.dev/public"] == "false"


def test_only_marked_pods_reach_the_kubernetes_api(tiny: City, settings: Settings) -> None:
    plan = tenancy.plan(tiny, settings())
    marked = {"huiju.dev/api-client": "true"}
    assert _passes(plan, "egress", ("gateway", "any", 6443), marked)
    assert not _passes(plan, "egress", ("gateway", "any", 6443), {})
    assert not _passes(plan, "egress", ("portal", "any", 6443), marked)


@pytest.mark.parametrize(
    ("origin", "port", "open_"),
    [
        ("video-library", 9000, True),
        ("object-store", 9000, True),
        ("video-library", 443, False),
        ("portal", 9000, False),
    ],
)
def test_an_outside_store_is_reached_by_those_who_reach_the_store(
    tiny: City, settings: Settings, origin: str, port: int, open_: bool
) -> None:
    outside = settings(storeEndpoint="https://s3.example.cn:9000")
    assert _passes(tenancy.plan(tiny, outside), "egress", (origin, "outside", port), {}) is open_
    assert not _passes(tenancy.plan(tiny, settings()), "egress", (origin, "outside", port), {})


def test_every_namespace_is_shut_both_ways(planned: Platform) -> None:
    for each in (each for each in planned.tenancy if each.kind == "Namespace"):
        spec = found(planned.tenancy, "NetworkPolicy", each.name, "default-deny")["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_namespace_may_ask_cluster_dns(planned: Platform) -> None:
    for each in (each for each in planned.tenancy if each.kind == "Namespace"):
        assert _passes(planned.tenancy, "egress", (each.name, "kube-system", 53), {})
        assert not _passes(planned.tenancy, "egress", (each.name, "kube-system", 443), {})


def test_every_namespace_enforces_pod_security_and_says_who_pays(planned: Platform, city: City) -> None:
    for service in tenants(city):
        labels = found(planned.tenancy, "Namespace", "", service.id)["metadata"]["labels"]
        level = "privileged" if service.id == "log-collector" else "restricted"
        assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {level}
        assert (labels["huiju.dev/funding"], labels["huiju.dev/city"]) == (service.funding, city.id)


def test_labels_are_what_kubernetes_takes(planned: Platform) -> None:
    values = [
        value for each in planned.resources for value in each.props.get("metadata", {}).get("labels", {}).values()
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value) for value in values)


def test_the_quota_is_the_catalog_s(planned: Platform, city: City) -> None:
    for service in tenants(city):
        hard = found(planned.tenancy, "ResourceQuota", service.id, "quota")["spec"]["hard"]
        assert hard["requests.memory"] == hard["limits.memory"] == f"{service.quota.memory_mib}Mi"
        assert hard["pods"] == str(service.quota.pods)


def test_a_stack_may_go_without_quotas(tiny: City, settings: Settings) -> None:
    kinds = {each.kind for each in tenancy.plan(tiny, settings(overrides={"quotas": False}))}
    assert "ResourceQuota" not in kinds
    assert "LimitRange" in kinds


def test_the_pods_of_the_plan_fit_into_their_quotas(planned: Platform, city: City) -> None:
    for service in tenants(city):
        cpu, memory = _asked(planned, service)
        assert cpu <= service.quota.cpu_cores * 1000, f"{service.id} asks for {cpu} millicores"
        assert memory <= service.quota.memory_mib, f"{service.id} asks for {memory} MiB"


def test_volumes_that_do_not_fit_into_a_quota_are_refused_before_anything_is_made(
    tiny: City, settings: Settings
) -> None:
    def refusal(**changes: Any) -> list[str]:
        with pytest.raises(UserError) as refused:
            plan_platform(tiny, settings(**changes))
        return str(refused.value).splitlines()

    store, monitoring = refusal(profile="prod", overrides={"districtGateways": False})
    assert "volumes of object-store take 500 GiB" in store
    assert "storage_gib in services.yaml) is 20" in store
    assert "storeSizeGib" in store
    assert "volumes of monitoring take 201 GiB" in monitoring, "Prometheus' and Alertmanager's"
    (database,) = refusal(overrides={"databaseInstances": 3, "databaseSizeGib": 14})
    assert "volumes of database take 42 GiB" in database
    assert plan_platform(tiny, settings(overrides={"storeSizeGib": 20}))
    (one_more,) = refusal(overrides={"storeSizeGib": 21})
    assert "21 GiB" in one_more
    assert plan_platform(tiny, settings(profile="prod", overrides={"quotas": False}))


def test_every_volume_of_the_plan_is_of_a_service_whose_cells_are_named(planned: Platform) -> None:
    assert {each.namespace for each in planned.resources if tenancy._volumes(each)} == set(tenancy.CELLS)


def test_the_proof_of_production_on_one_machine_fits_into_the_quotas(tiny: City, settings: Settings) -> None:
    cells = {cell: json.loads(text) if text.isdecimal() else text for cell, text in SMALL.items()}
    assert plan_platform(tiny, settings(profile="prod", overrides=cells))


def _asked(planned: Platform, service: Service) -> tuple[float, float]:
    """Millicores and MiB that the pods of a service ask for when a rolling update has one pod more than wanted."""
    mine = [each for each in planned.resources if each.namespace == service.id]
    cpu = memory = 0.0
    for each in mine:
        for pod in pods(each.props):
            copies = each.props["spec"].get("replicas", 1) + (each.kind == "Deployment")
            requests = [container["resources"]["requests"] for container in pod["containers"]]
            # A pod counts for its largest step: what goes before it, one after the other, or it itself.
            steps = [[container["resources"]["requests"]] for container in pod.get("initContainers", [])]
            cpu += copies * max(sum(float(each["cpu"].rstrip("m")) for each in step) for step in [requests, *steps])
            memory += copies * max(sum(_mib(each["memory"]) for each in step) for step in [requests, *steps])
    return cpu, memory


def _mib(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_a_name_with_quotes_and_line_breaks_stays_a_value(tiny: City, settings: Settings) -> None:
    nasty = 'x"\n  evil: true\n# $(id) {{ 1 }}'
    names = tiny.services[0].name.model_copy(update={"en": nasty})
    services = (tiny.services[0].model_copy(update={"name": names}), *tiny.services[1:])
    plan = tenancy.plan(tiny.model_copy(update={"services": services}), settings())
    metadata = found(plan, "Namespace", "", tiny.services[0].id)["metadata"]
    assert metadata["annotations"]["huiju.dev/name-en"] == nasty
    assert set(metadata) == {"name", "labels", "annotations"}


def test_a_live_class_is_reached_from_anywhere_on_its_one_port_and_nothing_else_is(
    tiny: City, settings: Settings
) -> None:
    resources = plan_platform(tiny, settings()).resources
    policy = found(resources, "NetworkPolicy", "video-library", "live-ingest")["spec"]
    pod = live.job(tiny, "r@sha256:1", {"id": "l-a"})["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["ingress"] == [{"ports": [{"protocol": "UDP", "port": live.PORT}]}]
    others = [each for each in resources if each.kind in ("Deployment", "StatefulSet", "Job")]
    for other in others:
        labels = other.props["spec"]["template"]["metadata"]["labels"]
        assert not policy["podSelector"]["matchLabels"].items() <= labels.items(), other.name
