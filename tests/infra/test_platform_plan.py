"""What holds for every object of the plan, for both cities and both profiles."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from catalog import City, names
from catalog.errors import UserError
from infra.plan.gateway import PROXY
from infra.plan.monitoring_targets import PODS
from infra.plan.platform import IMAGES, Platform, plan
from infra.plan.resource import HELM_RELEASE, digest, ordered, resource
from tests.builders import changed
from tests.infra.conftest import FITS_TINY, RAW, SEED, Settings
from tests.infra.restricted import CONTAINER_RULES, POD_RULES, broken, pods

CLUSTER_WIDE = {
    "Namespace", "GatewayClass", "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}  # fmt: skip
EXCEPTIONS = {
    "daemonset/log-collector/log-collector": [
        "volume types"
    ],  # docs/decisions/0090-log-collector.md; fenced in by a policy
    # Operators: what they do is done through the Kubernetes API.
    "deployment/database/cnpg-controller-manager": ["no API token"],
    "deployment/database/barman-cloud": ["no API token"],
}


def test_every_pod_passes_the_restricted_check(planned: Platform) -> None:
    found = [(each.logical_name, list(broken(pod))) for each in planned.resources for pod in pods(each.props)]
    assert len(found) >= 5
    assert {name: rules for name, rules in found if rules} == EXCEPTIONS


@pytest.fixture(scope="module")
def portal(tiny: City, settings: Settings) -> dict[str, Any]:
    """The portal's pod, which breaks no rule."""
    (found,) = [pod for each in plan(tiny, settings()).portal for pod in pods(each.props)]
    assert not list(broken(found))
    return dict(found)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("hostNetwork",), True),
        (("automountServiceAccountToken",), True),
        (("volumes",), [{"name": "x", "hostPath": {"path": "/"}}]),
        (("securityContext", "runAsNonRoot"), False),
        (("securityContext", "runAsUser"), 0),
        (("securityContext", "seccompProfile"), {"type": "Unconfined"}),
        (("containers", 0, "securityContext", "privileged"), True),
        (("containers", 0, "securityContext", "allowPrivilegeEscalation"), True),
        (("containers", 0, "securityContext", "readOnlyRootFilesystem"), False),
        (("containers", 0, "securityContext", "capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
        (("containers", 0, "ports"), [{"hostPort": 80}]),
        (("containers", 0, "resources"), {}),
        (("containers", 0, "image"), "registry.example/portal:latest"),
    ],
)
def test_the_restricted_check_sees_each_fault(portal: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    spoilt = deepcopy(portal)
    place: Any = spoilt
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(broken(spoilt))


def test_the_restricted_check_has_a_rule_for_each_control() -> None:
    assert len(POD_RULES) + len(CONTAINER_RULES) == 12


def test_no_image_has_a_mutable_tag(planned: Platform) -> None:
    images = [value for each in planned.resources for value in _values(each.props, "image") if isinstance(value, str)]
    assert len(images) >= len(IMAGES)
    assert not [image for image in images if "@sha256:" not in image]


def test_names_are_fixed_and_used_once(planned: Platform, city: City, settings: Settings) -> None:
    counted = Counter(each.logical_name for each in planned.resources)
    assert not [name for name, count in counted.items() if count > 1]
    objects = Counter((each.token, each.namespace, each.name) for each in planned.resources)
    assert max(objects.values()) == 1
    assert city.id not in " ".join(counted), "names do not carry the city"


def test_every_object_lives_in_a_namespace_of_the_plan(planned: Platform) -> None:
    namespaces = {each.name for each in planned.tenancy if each.kind == "Namespace"}
    homeless = [
        each.logical_name
        for each in planned.resources
        if each.kind not in CLUSTER_WIDE and each.namespace not in namespaces
    ]
    assert not homeless


def test_every_service_account_that_a_pod_names_is_planned(planned: Platform) -> None:
    there = {(each.namespace, each.name) for each in planned.resources if each.kind == "ServiceAccount"}
    asked = {(each.namespace, pod["serviceAccountName"]) for each in planned.resources for pod in pods(each.props)}
    assert asked <= there


def test_what_a_pod_mounts_is_planned_beside_it(planned: Platform) -> None:
    there = {(each.kind, each.namespace, each.name) for each in planned.resources}
    asked = set()
    for each in planned.resources:
        for volume in (volume for pod in pods(each.props) for volume in pod["volumes"]):
            for kind, key, name in (
                ("ConfigMap", "configMap", "name"),
                ("Secret", "secret", "secretName"),
                ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
            ):
                if key in volume:
                    asked.add((kind, each.namespace, volume[key][name]))
    assert len(asked) >= 6
    assert asked <= there


def test_every_mount_has_its_volume(planned: Platform) -> None:
    for each in planned.resources:
        for pod in pods(each.props):
            volumes = {volume["name"] for volume in pod["volumes"]}
            used = {
                m["name"]
                for c in (*pod.get("initContainers", []), *pod["containers"])
                for m in c.get("volumeMounts", [])
            }
            assert used == volumes, each.logical_name


def test_the_plan_is_json_and_the_same_each_time(city: City, settings: Settings) -> None:
    first, second = (json.dumps([each.props for each in plan(city, settings()).resources]) for _ in range(2))
    assert first == second


def test_secrets_stand_in_secret_objects_and_nowhere_else(planned: Platform) -> None:
    hidden = [
        line
        for each in planned.resources
        if each.secret
        for text in each.props["stringData"].values()
        for line in _keys(text)
    ]
    open_text = json.dumps([each.props for each in planned.resources if not each.secret])
    assert len(hidden) >= 6
    assert not [line for line in hidden if line in open_text]
    assert SEED not in json.dumps([each.props for each in planned.resources]), "the seed itself is never deployed"


def test_only_production_protects_and_only_what_holds_data(planned: Platform) -> None:
    assert {each.logical_name for each in planned.resources if each.keeps_data} == {
        "namespace/monitoring",
        "namespace/object-store",
        "persistentvolumeclaim/monitoring/alertmanager",
        "persistentvolumeclaim/monitoring/prometheus",
        "persistentvolumeclaim/object-store/objects",
        "namespace/database",
        "cluster/database/postgres",
        "customresourcedefinition/clusters.postgresql.cnpg.io",
    }


def test_a_missing_image_is_named_with_the_command(tiny: City, settings: Settings) -> None:
    images = {name: reference for name, reference in RAW["images"].items() if name != "envoy"}
    with pytest.raises(UserError, match=r"no reference for envoy; run `huiju up`"):
        plan(tiny, settings(images=images))


def test_a_city_without_a_core_service_is_refused(tiny: City, settings: Settings) -> None:
    services = tuple(service for service in tiny.services if service.id != "object-store")
    with pytest.raises(UserError, match="no service 'object-store'"):
        plan(tiny.model_copy(update={"services": services}), settings())


def test_promised_classes_that_no_link_carries_are_refused_with_what_would_fit(tiny: City, settings: Settings) -> None:
    budget = tiny.link_budget.model_copy(update={"boxless": ("2990100005",)})
    with pytest.raises(UserError, match=r"school 2990100005 .* of 20 Mbit/s contracted .*: promise v360-365 at most"):
        plan(changed(tiny, link_budget=budget), settings())


def test_definitions_come_before_what_uses_them(planned: Platform) -> None:
    kinds = [[each.kind for each in group] for group in ordered(planned.gateway)]
    flat = [kind for group in kinds for kind in group]
    assert flat.index("Release") < flat.index("GatewayClass") < flat.index("Gateway") < flat.index("HTTPRoute")
    store = [each.kind for group in ordered(planned.object_store) for each in group]
    assert store.index("Secret") < store.index("StatefulSet") < store.index("Job")
    assert [each.kind for each in ordered(planned.tenancy)[0]] == ["Namespace"] * len(ordered(planned.tenancy)[0])


def test_a_token_names_group_version_and_kind() -> None:
    secret = resource({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b"}})
    assert (secret.token, secret.logical_name) == ("kubernetes:core/v1:Secret", "secret/b/a")
    role = resource({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "b"}})
    assert role.token == "kubernetes:apps/v1:Deployment"
    assert HELM_RELEASE == "kubernetes:helm.sh/v3:Release"


def test_a_digest_changes_with_its_content_and_not_with_its_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def _keys(text: str) -> list[str]:
    """Secret keys of the derived accounts: 40 hex digits."""
    return [word for word in text.replace('"', " ").replace("=", " ").split() if len(word) == 40]


def _values(body: Any, key: str) -> list[Any]:
    if isinstance(body, dict):
        return [value for name, each in body.items() for value in ([each] if name == key else []) + _values(each, key)]
    return [value for each in body for value in _values(each, key)] if isinstance(body, list) else []


STAYING = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose pods go on; those of the others begin anew by themselves."""


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_whoever_signs_in_to_the_store_begins_anew_with_a_new_key(city: City, settings: Settings, profile: str) -> None:
    """A program reads its account when it begins: with the former key it would be refused for ever, and a collector without a word."""
    before, after = (
        {
            each.logical_name: each
            for each in plan(city, settings(profile=profile, overrides=FITS_TINY, storeAdminKey=key)).resources
        }
        for key in (SEED, SEED[::-1])
    )
    assert before.keys() - after.keys() <= {name for name in before if name.startswith("job/")}
    changed_secrets = {
        (each.namespace, each.name)
        for name, each in before.items()
        if each.kind == "Secret" and name in after and each.props != after[name].props
    }
    assert changed_secrets
    mounting = {
        name
        for name, each in before.items()
        if each.kind in STAYING
        for pod in pods(each.props)
        for volume in pod.get("volumes", ())
        if (each.namespace, volume.get("secret", {}).get("secretName")) in changed_secrets
    }
    assert "daemonset/log-collector/log-collector" in mounting and len(mounting) > 2
    old, new = ({name: plan[name].props["spec"]["template"] for name in mounting} for plan in (before, after))
    assert {name for name in mounting if old[name] == new[name]} == set()


def test_every_workload_of_several_pods_keeps_one_while_a_node_is_emptied(city: City, settings: Settings) -> None:
    production = settings(profile="prod", overrides=FITS_TINY)
    resources = plan(city, production).resources
    several = [
        each
        for each in resources
        if each.kind in {"Deployment", "StatefulSet"} and each.props["spec"].get("replicas", 1) > 1
    ]
    assert {names.ENTITLEMENT, names.PORTAL, names.IDENTITY, names.SCHOOL_EDGE} < {each.namespace for each in several}
    budgets = [each for each in resources if each.kind == "PodDisruptionBudget"]
    assert len(budgets) == len(several)
    for each in several:
        labels = each.props["spec"]["template"]["metadata"]["labels"]
        (allowed,) = [
            budget.props["spec"]
            for budget in budgets
            if budget.namespace == each.namespace
            and budget.props["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ]
        assert allowed["maxUnavailable"] == 1
    # Envoy's and its controller's are made by the controller and by the chart.
    (proxy,) = [each.props["spec"]["provider"]["kubernetes"] for each in resources if each.kind == "EnvoyProxy"]
    assert proxy["envoyPDB"] == {"maxUnavailable": 1}
    (apart,) = proxy["envoyDeployment"]["pod"]["topologySpreadConstraints"]
    (pods_of,) = [
        each.props["spec"]["selector"] for each in resources if (each.kind, each.name) == ("Service", f"{PROXY}-{PODS}")
    ]
    assert apart["labelSelector"]["matchLabels"] == pods_of
    (release,) = [each.props["values"] for each in resources if each.token == HELM_RELEASE]
    assert release["podDisruptionBudget"] == {"maxUnavailable": 1}
    assert [each.props["spec"]["enablePDB"] for each in resources if each.kind == "Cluster"] == [True]


def test_where_each_workload_is_one_pod_nothing_keeps_its_node_from_being_emptied(
    tiny: City, settings: Settings
) -> None:
    resources = plan(tiny, settings()).resources
    assert "PodDisruptionBudget" not in {each.kind for each in resources}
    assert "DisruptionBudget" not in json.dumps([each.props for each in resources if each.token == HELM_RELEASE])
    assert "envoyPDB" not in json.dumps([each.props for each in resources if each.kind == "EnvoyProxy"])
