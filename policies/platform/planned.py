"""A resource as rules see it, wherever it comes from, and the pods and images in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]

_KUBERNETES = "kubernetes:"
_TEMPLATED = frozenset(
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
)
"""Kinds with a whole pod template. Custom kinds have fragments of one: what becomes of them is judged when their pod is admitted."""
_FILES = ("ConfigMap", "Secret")
"""Kinds whose content is somebody's files, where a key called `image` says nothing."""
_IMAGE_KEYS = ("image", "imageName")


@dataclass(frozen=True)
class Planned:
    """Type token (for instance `kubernetes:core/v1:Namespace`), logical name and properties."""

    token: str
    name: str
    props: Body

    @property
    def kind(self) -> str:
        """The Kubernetes kind; empty for anything else."""
        return self.token.rsplit(":", 1)[-1] if self.token.startswith(_KUBERNETES) else ""

    @property
    def labels(self) -> Mapping[str, Any]:
        """Its labels."""
        return mapping(mapping(self.props.get("metadata")).get("labels"))


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one: a rule never stumbles over what is left out."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def pods(resource: Planned) -> Iterator[Body]:
    """Pod specs: of a pod, and of the `template` of a workload, a CronJob's two levels down too."""
    if resource.kind == "Pod":
        yield mapping(resource.props.get("spec"))
    elif resource.kind in _TEMPLATED:
        yield from _templates(resource.props)


def _templates(value: object) -> Iterator[Body]:
    for key, inner in mapping(value).items():
        if key == "template" and "containers" in mapping(mapping(inner).get("spec")):
            yield mapping(inner)["spec"]
        else:
            yield from _templates(inner)


def containers(pod: Body) -> Iterator[Body]:
    """Every container of a pod spec, whatever it is there for."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from (mapping(each) for each in sequence(pod.get(key)))


def images(resource: Planned) -> Iterator[tuple[str, Body | str]]:
    """Where an image is named -> how: in pods, in other kinds' own fields, and in the values of a chart."""
    if resource.kind and resource.kind not in _FILES:
        yield from _images(resource.props, "")


def _images(value: object, path: str) -> Iterator[tuple[str, Body | str]]:
    for number, inner in enumerate(sequence(value)):
        yield from _images(inner, f"{path}[{number}]")
    found = mapping(value)
    if "repository" in found and "tag" in found:
        yield path, found
    for key, inner in found.items():
        where = f"{path}.{key}" if path else str(key)
        if key in _IMAGE_KEYS and isinstance(inner, str):
            yield where, inner
        else:
            yield from _images(inner, where)
