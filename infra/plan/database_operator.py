"""CloudNativePG and its Barman plugin: their released manifests, brought into the house's namespace, networks and images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog import City, names
from catalog.errors import UserError
from derive import pinned, pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, digest, resource

OPERATOR, PLUGIN = "cnpg-controller-manager", "barman-cloud"
"""Deployments of the two manifests."""
PLUGIN_SERVER, PLUGIN_CLIENT = "barman-cloud-server-tls", "barman-cloud-client-tls"
"""Secrets by which the operator and the plugin know each other; the plugin's Service names them."""
WEBHOOK_PORT = 9443
SERVED = frozenset(
    {
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Service",
        "Deployment",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds that are taken from a manifest. Its namespace, its certificates and the plugin's Secret are the house's own business."""


def plan(_city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The operator where the cluster has it not, and the API server's way to its checks."""
    file = settings.database_operator
    if file is None:
        return ()
    return (*_from(file, "databaseOperator", lambda pod: _operator(pod, settings), settings), _webhook_policy())


def plugin(settings: StackSettings) -> Iterator[Resource]:
    """The plugin where the cluster has it not. It goes before the operator does, which holds its Service by a finalizer."""
    if settings.database_plugin:
        yield from _from(settings.database_plugin, "databasePlugin", lambda pod: _plugin(pod, settings), settings)
        for name, pair in _pairs(settings).items():
            yield objects.secret(name, names.DATABASE, pair, "kubernetes.io/tls")


def _pairs(settings: StackSettings) -> dict[str, dict[str, str]]:
    """The certificates by which the operator and the plugin know each other."""
    seed, uses = settings.database_key.get_secret_value(), {PLUGIN_SERVER: pinned.SERVER, PLUGIN_CLIENT: pinned.CLIENT}
    return {name: pinned.pair(seed, f"database/{name}", (PLUGIN,), usage) for name, usage in uses.items()}


def _from(file: str, key: str, pods_own: Callable[[Body], None], settings: StackSettings) -> Iterator[Resource]:
    """Every object of a released manifest, in our namespace; ``pods_own`` changes a Deployment's pod in place."""
    try:
        documents = list(yaml.load_all(Path(file).read_text(encoding="utf-8"), yaml.CSafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"huiju:{key}: {file} cannot be read ({error}); it is the manifest as released") from error
    found = [each for each in documents if each and each.get("kind") in SERVED]
    if not any(each["kind"] == "Deployment" for each in found):
        raise UserError(f"huiju:{key}: {file} installs nothing: it is the manifest as released")
    for body in map(_moved, found):
        if body["kind"] == "Deployment":
            body["spec"]["replicas"] = settings.row.controller_replicas
            pods_own(body["spec"]["template"])
        # Whoever deletes a definition deletes every object of its kind.
        yield resource(body, keeps_data=body["kind"] == "CustomResourceDefinition")


def _moved(body: Body) -> Body:
    """The object with our labels and in our namespace; a definition without its prose, three quarters of its size in the state."""
    moved: Body = _namespaced(body)
    meta = moved["metadata"]
    # Its own name label wins: by it the operator finds its own Deployment, and does not start where it finds none.
    meta["labels"] = {**names.labels(names.DATABASE, meta["name"]), **_apart_from_manager(meta.get("labels", {}))}
    terse: Body = _terse(moved) if body["kind"] == "CustomResourceDefinition" else moved
    return terse


def _apart_from_manager(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels without who manages it: that is us."""
    return {key: value for key, value in labels.items() if key != "app.kubernetes.io/managed-by"}


def _namespaced(value: Any) -> Any:  # noqa: ANN401  # any YAML
    """The same with every ``namespace: ...`` ours."""
    if isinstance(value, Mapping):
        ours = names.namespace(names.DATABASE)
        return {
            key: ours if key == "namespace" and isinstance(each, str) else _namespaced(each)
            for key, each in value.items()
        }
    return [_namespaced(each) for each in value] if isinstance(value, list) else value


def _terse(value: Any, *, properties: bool = False) -> Any:  # noqa: ANN401
    """Without descriptions; a property that is called ``description`` stays."""
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if properties or key != "description"}
        return {key: _terse(each, properties=key == "properties" and not properties) for key, each in kept.items()}
    return [_terse(each) for each in value] if isinstance(value, list) else value


def _operator(template: Body, settings: StackSettings) -> None:
    image = settings.images["cloudnative-pg"]
    container = _container(template, image, "256Mi")
    # The instances run the operator's own program; it minds its own namespace only.
    _set_env(container, {"OPERATOR_IMAGE_NAME": image, "WATCH_NAMESPACE": names.namespace(names.DATABASE)})


def _plugin(template: Body, settings: StackSettings) -> None:
    image = settings.images["barman-cloud"]
    container = _container(template, image, "192Mi")
    container["args"] = [argument for argument in container["args"] if not argument.startswith("--log-level")]
    _set_env(container, {"SIDECAR_IMAGE": image})
    # It reads its certificates once.
    annotations = {f"{names.LABEL_PREFIX}/configuration": digest(_pairs(settings))}
    template["metadata"]["annotations"] = template["metadata"].get("annotations", {}) | annotations


def _container(template: Body, image: str, memory: str) -> Body:
    """The one container of a controller's pod, run as the house runs what talks to the Kubernetes API."""
    template["metadata"]["labels"] |= {names.LABEL_API_CLIENT: "true", names.LABEL_SERVICE: names.DATABASE}
    template["spec"]["automountServiceAccountToken"] = True
    (container,) = template["spec"]["containers"]
    found: Body = container
    found |= {"image": image, "imagePullPolicy": "IfNotPresent", "resources": pods.resources("20m", memory, "1")}
    found["securityContext"] = {**pods.container_security(), "runAsUser": pods.UID, "runAsGroup": pods.UID}
    return found


def _set_env(container: Body, values: Mapping[str, str]) -> None:
    kept = [row for row in container.get("env", []) if row["name"] not in values]
    container["env"] = [*kept, *objects.env(values)]


def _webhook_policy() -> Resource:
    """The API server asks the operator before it takes an object in; its address is the node's, which no label selects."""
    selector = {"matchLabels": {"app.kubernetes.io/name": "cloudnative-pg"}}
    rule = {"ports": [{"protocol": "TCP", "port": WEBHOOK_PORT}]}
    spec = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [rule]}
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": spec}
    return resource({**body, "metadata": objects.meta("webhook", names.DATABASE)})
