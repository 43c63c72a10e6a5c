"""The cluster that a stack runs on: the embedded one, or the one that the user names. A named one is used, never started."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from local import images, paths
from local import settings as local_settings
from local.cluster import images as store_of_cluster
from local.cluster import process
from local.toolchain.report import Say


@dataclass(frozen=True)
class Target:
    """A cluster and how images get there."""

    kubeconfig: Path
    context: str | None = None
    embedded: bool = False
    registry: str | None = None
    """Where images are pushed to; absent: the cluster's own store is loaded."""

    @property
    def reached_by(self) -> str:
        """`KUBECONFIG` with which `kubectl`, `pulumi` and Helm reach this cluster and no other one of the same file.

        Of several files the first that names a current context wins, so a context is chosen by a file that says nothing else.
        """
        if self.context is None:
            return str(self.kubeconfig)
        where = paths.state_dir() / "contexts" / f"{hashlib.sha256(self.context.encode()).hexdigest()[:12]}.yaml"
        where.parent.mkdir(parents=True, exist_ok=True)
        chosen = {"apiVersion": "v1", "kind": "Config", "current-context": self.context}
        process.replace(where, json.dumps(chosen))
        return os.pathsep.join((str(where), str(self.kubeconfig)))

    def __str__(self) -> str:
        return f"{f'context {self.context}' if self.context else 'the current context'} of {self.kubeconfig}"

    def deliver(self, say: Say) -> dict[str, str]:
        """Bring the images to where the cluster's pods find them; name -> reference.

        Raises `UserError` when the cluster has no store that could be loaded and no registry was named.
        """
        if self.registry:
            return images.push(self.registry, say=say)
        if self.embedded:
            return _load_missing(say)
        kind, _, name = (self.context or "").partition("-")
        if kind == "kind":
            return images.load("kind", cluster=name, say=say)
        if kind == "k3d":
            return images.load("k3d", cluster=name, say=say)
        if registry := local_settings.load().images.registry:
            return images.push(registry, say=say)
        raise UserError(
            f"context {self.context or '(current)'} is neither kind nor k3d, so images cannot be loaded into it: "
            "name a registry that its nodes can pull from, with `huiju up --registry HOST/PATH` or images.registry of the settings file"
        )


def _load_missing(say: Say) -> dict[str, str]:
    built = images.build(say=say)
    there = store_of_cluster.present()
    missing = [name for name, image in built.items() if image.reference not in there]
    if missing:
        images.load("embedded", missing, say=say)
    return {name: image.reference for name, image in built.items()}


def named(kubeconfig: Path | None, context: str | None, registry: str | None) -> Target | None:
    """The cluster that the options name, or None when they name none.

    The variable `KUBECONFIG` alone names none: `huiju env` sets it, and nobody shall deploy by accident.
    """
    if kubeconfig is None and context is None:
        return None
    where = kubeconfig or usual_kubeconfig()
    if not where.exists():
        several = "these are several files; " if os.pathsep in str(where) else ""
        raise UserError(f"{where} does not exist: {several}name the kubeconfig with --kubeconfig FILE")
    where = where.resolve()
    return Target(where, context, embedded=where == paths.kubeconfig().resolve(), registry=registry)


def usual_kubeconfig() -> Path:
    """Where Kubernetes' own tools look: `KUBECONFIG`, then `~/.kube/config`."""
    return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube/config")


def of_settings(settings: Mapping[str, Any]) -> Target:
    """The cluster that a stack's settings name. A file that the kit wrote always names one; in one of the user's own it is optional."""
    kubeconfig = Path(settings.get("kubeconfig") or usual_kubeconfig()).expanduser()
    return Target(kubeconfig, settings.get("context"), embedded=kubeconfig == paths.kubeconfig())
