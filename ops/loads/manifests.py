"""A load test inside the cluster, as plain manifests: a namespace of its own that reaches the gateway and nothing else, and two Jobs.

The namespace is made for one run. What Kubernetes itself ends (the Jobs' deadline) holds even when nobody is left to clean up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from catalog import names
from derive import pods
from derive.pods import Manifest
from infra.plan.ports import DNS_PORTS, GATEWAY_PORTS
from infra.plan.tenancy import POD_SECURITY
from loadtests.order import ORDER, SESSIONS

SPACE: Final = names.namespace(names.LOAD_TEST)
MASTER, WORKER = "master", "worker"
PORT: Final = 5557
"""On which Locust's master listens for its workers."""
FILES, WORK = "/etc/load", "/tmp"  # noqa: S108 - a pod's own scratch volume
LOCUSTFILE: Final = "/opt/huiju/loadtests/locustfile.py"
START_SECONDS: Final = 300
"""How long workers may take to be there, their image's download included."""
KEEP_SECONDS: Final = 900
"""A finished pod's log can be read for so long."""
CONFIG_MAP_BYTES: Final = 1 << 20
"""The most that Kubernetes keeps in one object."""


@dataclass(frozen=True)
class Crew:
    """Who makes the load: an image, how many workers, what they are told, and for how long at most (s)."""

    image: str
    workers: int
    order: str
    sessions: str
    seconds: float


def space() -> Manifest:
    """The namespace, under Pod Security `restricted`."""
    labels = {**names.labels(names.LOAD_TEST), **POD_SECURITY, names.LABEL_PUBLIC: "false"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}}


def inside(crew: Crew) -> Iterator[Manifest]:
    """Everything in the namespace, in the order of creation: walls first."""
    yield from _policies()
    yield _object("v1", "ServiceAccount", names.LOAD_TEST, automountServiceAccountToken=False)
    yield _object("v1", "ConfigMap", names.LOAD_TEST, data={"order.json": crew.order})
    yield _object("v1", "Secret", names.LOAD_TEST, stringData={"sessions.json": crew.sessions})
    selector = names.selector(names.LOAD_TEST, MASTER)
    yield _object("v1", "Service", MASTER, spec={"clusterIP": "None", "selector": selector, "ports": [{"port": PORT}]})
    yield _job(crew, MASTER, 1, _master(crew.workers))
    yield _job(crew, WORKER, crew.workers, ["--worker", "--master-host", MASTER, "--master-port", str(PORT)])


def _master(workers: int) -> list[str]:
    return [
        "--master", "--master-bind-port", str(PORT), "--expect-workers", str(workers),
        "--expect-workers-max-wait", str(START_SECONDS), "--only-summary", "--html", f"{WORK}/report.html",
    ]  # fmt: skip


def _object(api: str, kind: str, name: str, **content: Any) -> Manifest:  # noqa: ANN401
    labels = names.labels(names.LOAD_TEST, name)
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": SPACE, "labels": labels},
        **content,
    }


def _policies() -> Iterator[Manifest]:
    """Shut; then each other, cluster DNS, and the gateway."""
    api, both = "networking.k8s.io/v1", ["Ingress", "Egress"]
    yield _object(api, "NetworkPolicy", "default-deny", spec={"podSelector": {}, "policyTypes": both})
    own: list[Manifest] = [{"podSelector": {}}]
    gateway = [{"protocol": "TCP", "port": GATEWAY_PORTS[0]}]
    out: list[Manifest] = [
        {"to": own},
        {"to": [_space_of("kube-system")], "ports": DNS_PORTS},
        {"to": [_space_of(names.namespace(names.GATEWAY))], "ports": gateway},
    ]
    spec = {"podSelector": {}, "policyTypes": both, "ingress": [{"from": own}], "egress": out}
    yield _object(api, "NetworkPolicy", "allowed", spec=spec)


def _space_of(namespace: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def _job(crew: Crew, component: str, count: int, words: list[str]) -> Manifest:
    labels = names.labels(names.LOAD_TEST, component)
    spec = {
        "parallelism": count,
        "completions": count,
        "backoffLimit": 0,
        "activeDeadlineSeconds": round(START_SECONDS + crew.seconds),
        "ttlSecondsAfterFinished": KEEP_SECONDS,
        "template": {"metadata": {"labels": labels}, "spec": _pod(crew, component, words)},
    }
    return _object("batch/v1", "Job", component, spec=spec)


def _pod(crew: Crew, component: str, words: list[str]) -> Manifest:
    files = {ORDER: f"{FILES}/order.json", SESSIONS: f"{FILES}/sessions.json", "HOME": WORK}
    container = {
        "name": component,
        "image": crew.image,
        "command": [
            "python3", "-m", "locust", "--locustfile", LOCUSTFILE, "--headless", "--exit-code-on-error", "0", *words,
        ],
        "env": [{"name": name, "value": value} for name, value in files.items()],
        "resources": pods.resources("200m", "512Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [{"name": "files", "mountPath": FILES, "readOnly": True}, {"name": "work", "mountPath": WORK}],
    }  # fmt: skip
    sources = [{"configMap": {"name": names.LOAD_TEST}}, {"secret": {"name": names.LOAD_TEST}}]
    volumes = [{"name": "files", "projected": {"defaultMode": 0o440, "sources": sources}}, pods.scratch("work", "64Mi")]
    return pods.pod(names.LOAD_TEST, [container], volumes, restartPolicy="Never", terminationGracePeriodSeconds=20)
