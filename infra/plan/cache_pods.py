"""The pod of a cache, shield or district edge: Traffic Server on files that it has accepted itself.

Before the server starts, the same program looks at the files, and a copy of what it has accepted is what the server runs on, for as long
as the pod lives: a bad generation never starts, and never gets under a server that runs on a good one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from derive import cache_pod, pods
from infra.plan import objects
from infra.plan.resource import Body

CONFIGURATION = "configuration"
"""The files as the plan has them, a ConfigMap's volume; `ACCEPTED` those that the server runs on."""
ACCEPTED = "accepted"
_ACCEPTED_PATH = "/accepted"
CHECK = (
    'said=$(traffic_server -C verify_config 2>&1); code=$?; echo "$said"; '
    "[ $code = 0 ] && ! grep -qiE '^(error|fatal)' <<< \"$said\" "
    f"&& cp -rL {cache_pod.CONFIGURATION}/. {_ACCEPTED_PATH}/"
)
"""Traffic Server says what is wrong in words, and often ends well all the same."""


@dataclass(frozen=True)
class CachePod:
    """What differs between the caches."""

    name: str
    """Of the container and of the service account."""
    service: str
    """Namespace."""
    image: str
    config: str
    """Name of the ConfigMap."""
    files: Iterable[str]
    """Paths below the configuration folder."""
    ports: Mapping[str, int]
    """Where it gives lessons, by name."""
    secrets: Mapping[str, str]
    """Secret -> the folder where it is seen."""
    cache_gib: int
    resources: Body


REPLACED = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
"""Of a Deployment: a pod goes on until the one in its place is ready."""


def entries(files: Mapping[str, str]) -> dict[str, str]:
    """``files`` by path as the entries of a ConfigMap, whose keys have no slash."""
    return {_key(path): text for path, text in files.items()}


def _key(path: str) -> str:
    return path.replace("/", "__")


def pod(cache: CachePod) -> Body:
    """The pod spec; it passes Pod Security `restricted`."""
    return pods.pod(
        cache.name,
        [_server(cache)],
        _volumes(cache),
        initContainers=[_check(cache)],
        topologySpreadConstraints=objects.spread(cache.service, cache.name),
    )


def _check(cache: CachePod) -> Body:
    return {
        "name": "check",
        "image": cache.image,
        "command": ["bash", "-c", CHECK],
        "resources": cache.resources,
        "securityContext": pods.container_security(),
        "volumeMounts": [
            objects.mount(CONFIGURATION, cache_pod.CONFIGURATION, readOnly=True),
            objects.mount(ACCEPTED, _ACCEPTED_PATH),
            *_working(cache),
        ],
    }


def _server(cache: CachePod) -> Body:
    return {
        "name": cache.name,
        "image": cache.image,
        "ports": [
            {"name": name, "containerPort": port}
            for name, port in {**cache.ports, "figures": cache_pod.FIGURES_PORT}.items()
        ],
        # In the clear: a kubelet shows no certificate.
        "readinessProbe": objects.probe(cache_pod.HEALTH, cache_pod.FIGURES_PORT, period=2),
        "livenessProbe": objects.probe(cache_pod.HEALTH, cache_pod.FIGURES_PORT, period=20),
        "resources": cache.resources,
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount(ACCEPTED, cache_pod.CONFIGURATION, readOnly=True), *_working(cache)],
    }


def _working(cache: CachePod) -> Sequence[Body]:
    """What both containers see."""
    return (
        *(objects.mount(secret, path, readOnly=True) for secret, path in cache.secrets.items()),
        objects.mount("cache", cache_pod.CACHE),
        objects.mount("logs", cache_pod.LOGS),
        objects.mount("run", cache_pod.RUN),
    )


def _volumes(cache: CachePod) -> list[Body]:
    items = [{"key": _key(path), "path": path} for path in cache.files]
    return [
        {"name": CONFIGURATION, "configMap": {"name": cache.config, "items": items}},
        pods.scratch(ACCEPTED, "4Mi"),
        *(pods.secret_files(secret, secret) for secret in cache.secrets),
        pods.scratch("cache", f"{cache.cache_gib}Gi"),
        pods.scratch("logs", "128Mi"),
        pods.scratch("run", "16Mi"),
    ]
