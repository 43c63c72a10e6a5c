"""Where pods of a district run: on nodes of its zone, which stand in the district."""

from __future__ import annotations

from infra.plan.resource import Body

ZONE = "topology.kubernetes.io/zone"
"""Kubernetes' own label of a node: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone."""
PREFERRED, REQUIRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("preferred", "required"))


def place(zone: str | None, *, only: bool) -> Body:
    """Affinity of pods that belong into ``zone``: by preference, or ``only`` there; none while their district has no zone."""
    if not zone:
        return {}
    term: Body = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    if only:
        return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}}
    # As heavy as a preference may be: beside it counts that pods spread over nodes, which may be anywhere.
    return {"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 100, "preference": term}]}}}
