"""How many pods of a workload may be taken away on purpose at once: one, where there are several, so that emptying a node shuts no door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra.plan.resource import Body, Resource, resource

ALLOWED = {"maxUnavailable": 1}
REPLICATED = frozenset({"Deployment", "StatefulSet"})


def budgets(resources: Iterable[Resource]) -> Iterator[Resource]:
    """One for each of these workloads with several pods; with one it would only keep its node from being emptied."""
    for each in resources:
        if each.kind in REPLICATED and each.props["spec"].get("replicas", 1) > 1:
            yield _budget(each.props)


def _budget(workload: Body) -> Resource:
    own = workload["metadata"]
    return resource(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {key: own[key] for key in ("name", "namespace", "labels")},
            "spec": {
                **ALLOWED,
                "selector": workload["spec"]["selector"],
                # A pod that does not get ready anyway keeps no node from being emptied.
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        }
    )
