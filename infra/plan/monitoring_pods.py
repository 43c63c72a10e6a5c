"""The one shape of monitoring's pods: a container with its files, the workload that keeps it, the Service that leads to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog import names
from derive import pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource


@dataclass(frozen=True)
class Piece:
    """One part: its name, its port, the path that answers when it is ready, and what it mounts."""

    name: str
    port: int
    ready: str
    size: Body
    image: str = ""
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    volumes: Mapping[str, Body] = field(default_factory=dict)
    """Path in the container -> the pod's volume."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of its pods, beside the usual ones."""


def workload(settings: StackSettings, kind: str, piece: Piece, rolls_on: object) -> Iterator[Resource]:
    """The identity, the Service and the pods, which are replaced when ``rolls_on`` changes."""
    yield objects.service_account(piece.name, names.MONITORING)
    yield objects.cluster_service(piece.name, names.MONITORING, piece.name, piece.port)
    more: dict[str, Any] = {"serviceName": piece.name} if kind == "StatefulSet" else {}
    pod = pods.pod(piece.name, [_container(settings, piece)], list(piece.volumes.values()))
    made = objects.workload(kind, piece.name, names.MONITORING, pod, rolls_on, replicas=1, **more)
    made.props["spec"]["template"]["metadata"]["labels"].update(piece.labels)
    yield made


def _container(settings: StackSettings, piece: Piece) -> Body:
    given = {"command": list(piece.command), "args": list(piece.arguments)}
    return {
        "name": piece.name,
        "image": settings.images[piece.image or piece.name],
        **{key: words for key, words in given.items() if words},
        "ports": [{"name": "http", "containerPort": piece.port}],
        "readinessProbe": objects.probe(piece.ready, piece.port, period=2),
        "resources": piece.size,
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount(volume["name"], path) for path, volume in piece.volumes.items()],
    }
