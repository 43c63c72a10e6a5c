"""Which cluster is in use: one that the user gave, or the embedded one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import UserError
from local import paths


@dataclass(frozen=True)
class Target:
    """A cluster by its kubeconfig."""

    kubeconfig: Path
    context: str | None
    """None: the kubeconfig's current one."""
    embedded: bool
    """Whether it is this clone's own, to be started and stopped by the kit."""

    def arguments(self) -> list[str]:
        """For kubectl."""
        return ["--kubeconfig", str(self.kubeconfig), *(["--context", self.context] if self.context else [])]


def target(context: str | None = None) -> Target:
    """The cluster in use: ``HUIJU_KUBECONFIG``, else ``KUBECONFIG`` or a context (argument or ``HUIJU_CONTEXT``), else the embedded one.

    ``KUBECONFIG`` naming the embedded cluster's own file (as ``huiju env`` sets it) means the embedded one.
    """
    context = context or os.environ.get("HUIJU_CONTEXT") or None
    given = os.environ.get("HUIJU_KUBECONFIG") or os.environ.get("KUBECONFIG") or ""
    if context and not given:
        given = str(Path.home() / ".kube/config")
    if not given or (Path(given) == paths.kubeconfig() and not context):
        return Target(paths.kubeconfig(), None, embedded=True)
    if not Path(given).is_file():
        raise UserError(
            f"no kubeconfig at {given} (HUIJU_KUBECONFIG, KUBECONFIG or --context); unset it to use the embedded cluster."
        )
    return Target(Path(given), context, embedded=False)
