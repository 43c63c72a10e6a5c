"""Kubernetes manifests of the kinds that several parts use, with the kit's labels in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog import names
from infra.plan.resource import Body, Resource, digest, resource

HTTP = 8080
"""Port of every HTTP service of our own."""


GATEWAY_API, ENVOY_API = "gateway.networking.k8s.io/v1", "gateway.envoyproxy.io/v1alpha1"
"""Versions of the Gateway API, and of Envoy Gateway's own kinds beside it."""
TMP = "/tmp"  # noqa: S108  # a pod's own scratch volume
"""Where programs write what they forget; a volume, since root file systems are read-only."""


def meta(name: str, service: str, component: str | None = None, **more: Any) -> Body:  # noqa: ANN401
    """Metadata of an object in the namespace of ``service``."""
    return {
        "name": name,
        "namespace": names.namespace(service),
        "labels": names.labels(service, component),
        **more,
    }


def config_map(name: str, service: str, files: Mapping[str, str]) -> Resource:
    """Files for a pod."""
    return resource({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, service), "data": dict(files)})


def secret(
    name: str, service: str, entries: Mapping[str, str], kind: str = "Opaque", labels: Mapping[str, str] | None = None
) -> Resource:
    """Secret entries, as text; ``labels`` beside the usual ones."""
    metadata = meta(name, service)
    metadata["labels"] |= labels or {}
    return resource(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": kind,
            "stringData": dict(entries),
        }
    )


def service_account(name: str, service: str) -> Resource:
    """An identity without an API token."""
    return resource(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": meta(name, service),
            "automountServiceAccountToken": False,
        }
    )


def cluster_service(name: str, service: str, component: str, ports: int | Mapping[str, int]) -> Resource:
    """An address inside the cluster for the pods of one component; ``ports`` by name, or the only one, which is called `http` then."""
    return resource(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta(name, service, component),
            "spec": {
                "selector": names.selector(service, component),
                "ports": [
                    {"name": label, "port": number, "targetPort": number, "protocol": "TCP"}
                    for label, number in ({"http": ports} if isinstance(ports, int) else ports).items()
                ],
            },
        }
    )


def workload(
    kind: str,
    name: str,
    service: str,
    pod: Body,
    rolls_on: object,
    *,
    part_of: tuple[str, str] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Resource:
    """A Deployment or StatefulSet; its pods are replaced when ``rolls_on`` (their mounted configuration) changes.

    ``part_of`` is the component that it is a part of, and which part, where it is not the whole of ``name``.
    """
    whole = part_of or (name, None)
    return resource(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": meta(name, service, whole[0]),
            "spec": {
                "selector": {"matchLabels": names.selector(service, *whole)},
                "template": {
                    "metadata": {
                        "labels": names.labels(service, *whole),
                        "annotations": {f"{names.LABEL_PREFIX}/configuration": digest(rolls_on)},
                    },
                    "spec": pod,
                },
                **spec,
            },
        }
    )


RETRIED = {"pulumi.com/replaceUnready": "true"}
"""On a Job: one that failed is made again by the next run; without it every later run fails on the old failure."""


def job(name: str, service: str, component: str, pod: Body) -> Resource:
    """A pod that runs to its end, tried five times again in one run."""
    template = {"metadata": {"labels": names.labels(service, component)}, "spec": pod}
    return resource(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": meta(name, service, component, annotations=RETRIED),
            "spec": {"backoffLimit": 5, "template": template},
        }
    )


def spread(service: str, component: str) -> list[Body]:
    """Prefer different nodes for the pods of one component."""
    return apart(names.selector(service, component))


def apart(labels: Mapping[str, str]) -> list[Body]:
    """Prefer different nodes for the pods with these labels."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
    ]


def probe(path: str, port: int, period: int = 5) -> Body:
    """An HTTP check every ``period`` seconds."""
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": period, "timeoutSeconds": 3}


def claim(name: str, service: str, gib: int, storage_class: str | None) -> Resource:
    """A volume that outlives its pod."""
    spec: Body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{gib}Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    # Bound only when its pod is there (WaitForFirstConsumer): awaiting it first would wait for ever.
    annotations = {"pulumi.com/skipAwait": "true"}
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta(name, service, annotations=annotations),
        "spec": spec,
    }
    return resource(body, keeps_data=True)


def mount(name: str, path: str, **more: Any) -> Body:  # noqa: ANN401
    """Where a container sees a volume."""
    return {"name": name, "mountPath": path, **more}


def files_of(config: str, name: str | None = None) -> Body:
    """A ConfigMap as a volume (named as the ConfigMap unless ``name`` is given)."""
    return {"name": name or config, "configMap": {"name": config}}


def env(values: Mapping[str, str]) -> Sequence[Body]:
    """Plain environment variables."""
    return [{"name": key, "value": value} for key, value in values.items()]
