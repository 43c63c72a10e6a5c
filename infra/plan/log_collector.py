"""The log collector: on every node one pod that reads what pods print and puts it into the buckets of logs.

What the printers of access logs print goes into a bucket of its own, each object locked by itself (docs/decisions/0297); all else into the
other one. Both ways have a queue of their own, so that neither waits for the other.

It needs the node's folder of pod logs, which Pod Security allows in `privileged` namespaces only. So its namespace is its own, and a
ValidatingAdmissionPolicy takes back what that level gives: in there no pod may mount another folder, write to this one, be root, or
have a capability (docs/decisions/0090-log-collector.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from catalog import City, names
from derive import access_log, pods, store
from derive.store import LOG_WRITER
from infra.config import StackSettings
from infra.plan import objects, ports
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource, resource

SERVICE = names.LOG_COLLECTOR
CONFIGURATION = "collector.json"
LOGS = "/var/log/pods"
STATE = "/state"
QUEUE_BYTES = 64 * 2**20
"""What waits on its own disk for each bucket while the store is away; after that it stops reading, and the node's files wait."""
OBJECT_BYTES = 8 * 2**20
ROOT_GROUP = 0
"""The container runtime writes logs as root:root 0640: reading them takes the group, not the user."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The fence first, then the pods."""
    return (*_fence(), *_collector(city, settings))


def _collector(city: City, settings: StackSettings) -> Iterator[Resource]:
    configuration = json.dumps(_configuration(city, settings), indent=1)
    yield objects.service_account(SERVICE, SERVICE)
    account = client_secret(settings, LOG_WRITER, SERVICE)
    yield account
    yield objects.config_map(SERVICE, SERVICE, {CONFIGURATION: configuration})
    spec: Body = {
        "clusterIP": "None",
        "selector": names.selector(SERVICE),
        "ports": [{"name": "metrics", "port": ports.COLLECTOR_METRICS, "protocol": "TCP"}],
    }
    meta = objects.meta(SERVICE, SERVICE, annotations={"pulumi.com/skipAwait": "true"})
    yield resource({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    # It reads the account once, when it begins: with a key that was replaced it would try the same lines for ever.
    yield objects.workload("DaemonSet", SERVICE, SERVICE, _pod(settings), [configuration, account.props["stringData"]])


def _pod(settings: StackSettings) -> Body:
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    container = {
        "name": SERVICE,
        "image": settings.images[SERVICE],
        "args": [f"--config=/etc/collector/{CONFIGURATION}"],
        "env": [node, *store.client_env()],
        "ports": [{"name": "metrics", "containerPort": ports.COLLECTOR_METRICS}],
        "readinessProbe": objects.probe("/metrics", ports.COLLECTOR_METRICS),
        "resources": pods.resources("50m", "160Mi", "500m"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            store.client_mount(),
            objects.mount("configuration", "/etc/collector", readOnly=True),
            objects.mount("pods", LOGS, readOnly=True),
            objects.mount("state", STATE),
        ],
    }
    volumes = [
        store.client_volume(LOG_WRITER),
        objects.files_of(SERVICE, "configuration"),
        {"name": "pods", "hostPath": {"path": LOGS, "type": "Directory"}},
        # What was read so far outlives the container, not the pod: a new pod reads the node's files again, so lines may be there twice.
        pods.scratch("state", f"{2 * len(names.LOG_BUCKETS) * QUEUE_BYTES // 2**20}Mi"),
    ]
    pod: dict[str, Any] = pods.pod(SERVICE, [container], volumes, tolerations=[{"operator": "Exists"}])
    pod["securityContext"] = {**pod["securityContext"], "runAsGroup": ROOT_GROUP}
    return pod


def _configuration(city: City, settings: StackSettings) -> Body:
    access = [_files(each.namespace, each.container) for each in chain(*access_log.PRINTERS.values())]
    # Its own errors would feed on themselves while the store is away.
    own = _files(names.namespace(SERVICE))
    # Its two ways are called by where each ends.
    ways, readers = names.LOG_BUCKETS, (_reader([_files()], [own, *access]), _reader(access, []))
    (bucket,) = (each for each in city.service(names.MONITORING).buckets if each.id == names.BUCKET_ACCESS_LOGS)
    exporters = [
        _exporter(settings, {"bucket": names.BUCKET_LOGS}),
        _exporter(settings, {"bucket": bucket.id, "locked_days": bucket.locked_days}),
    ]
    pull = {"exporter": {"prometheus": {"host": "0.0.0.0", "port": ports.COLLECTOR_METRICS}}}  # noqa: S104  # the pod's own
    return {
        "receivers": {f"file_log/{name}": each for name, each in zip(ways, readers, strict=True)},
        "exporters": {f"object/{name}": each for name, each in zip(ways, exporters, strict=True)},
        "extensions": {"file_storage": {"directory": STATE, "create_directory": True}},
        "service": {
            "extensions": ["file_storage"],
            "pipelines": {
                f"logs/{name}": {"receivers": [f"file_log/{name}"], "exporters": [f"object/{name}"]} for name in ways
            },
            "telemetry": {"logs": {"level": "warn"}, "metrics": {"readers": [{"pull": pull}]}},
        },
    }


def _files(namespace: str = "*", container: str = "*") -> str:
    """What these containers print, as the container runtime keeps it: NAMESPACE_POD_UID/CONTAINER/NUMBER.log."""
    return f"{LOGS}/{namespace}_*/{container}/*.log"


def _reader(include: list[str], exclude: list[str]) -> Body:
    return {
        "include": include,
        "exclude": exclude,
        "start_at": "beginning",
        "include_file_path": True,
        "storage": "file_storage",
        "retry_on_failure": {"enabled": True},
        "operators": [{"type": "container", "format": "containerd"}],
    }


def _exporter(settings: StackSettings, into: Body) -> Body:
    seconds = settings.row.logs_flush_seconds
    batch = {"flush_timeout": f"{seconds}s", "min_size": OBJECT_BYTES // 2, "max_size": OBJECT_BYTES, "sizer": "bytes"}
    queue = {
        "storage": "file_storage",
        "sizer": "bytes",
        "queue_size": QUEUE_BYTES,
        "block_on_overflow": True,
        "num_consumers": 1,
        "batch": batch,
    }
    endless = {"enabled": True, "max_interval": "60s", "max_elapsed_time": "0s"}
    return {
        **into,
        "writer": "${env:NODE}",
        "timeout": "30s",
        "sending_queue": queue,
        "retry_on_failure": endless,
    }


RULES: tuple[tuple[str, str], ...] = (
    (
        f"no folder of the node but {LOGS}",
        f"!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath) || v.hostPath.path == '{LOGS}')",
    ),
    (
        "no namespace of the node",
        "!(has(object.spec.hostNetwork) && object.spec.hostNetwork)"
        " && !(has(object.spec.hostPID) && object.spec.hostPID) && !(has(object.spec.hostIPC) && object.spec.hostIPC)",
    ),
    (
        "nobody is root",
        "has(object.spec.securityContext) && has(object.spec.securityContext.runAsNonRoot)"
        " && object.spec.securityContext.runAsNonRoot",
    ),
    (
        "no init containers",
        "!has(object.spec.initContainers) && !has(object.spec.ephemeralContainers)",
    ),
    (
        "no privilege, no capability, nothing written outside volumes",
        "object.spec.containers.all(c, has(c.securityContext)"
        " && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation"
        " && !(has(c.securityContext.privileged) && c.securityContext.privileged)"
        " && has(c.securityContext.readOnlyRootFilesystem) && c.securityContext.readOnlyRootFilesystem"
        " && has(c.securityContext.capabilities) && c.securityContext.capabilities.drop == ['ALL']"
        " && !has(c.securityContext.capabilities.add))",
    ),
    (
        "the node's folder is only read",
        "object.spec.containers.all(c, !has(c.volumeMounts) || c.volumeMounts.all(m,"
        " !object.spec.volumes.exists(v, v.name == m.name && has(v.hostPath)) || (has(m.readOnly) && m.readOnly)))",
    ),
)
"""What a pod of this namespace may be, in words and in CEL."""


def _fence() -> Iterator[Resource]:
    name = f"{names.MANAGED_BY}-{SERVICE}"
    meta = {"name": name, "labels": names.labels(SERVICE)}
    api = "admissionregistration.k8s.io/v1"
    pods_of = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [pods_of]},
        "validations": [{"expression": expression, "message": says} for says, expression in RULES],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": names.namespace(SERVICE)}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here}}
    yield resource({"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": policy})
    yield resource({"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": binding})
