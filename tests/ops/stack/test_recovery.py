"""What a dead run left is cleared away, and what others made on the same cluster is not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from ops.stack import live, recovery
from tests.ops.stack.test_live import item

STACK = "test"


class Cluster:
    """Stands in for kubectl: namespaces of two stacks, and Helm's records in both."""

    def __init__(self) -> None:
        self.objects = [item("Namespace", "mine", STACK), item("Namespace", "other", "another")]
        self.deleted: list[str] = []

    def release(self, namespace: str, status: str) -> None:
        labels = {"owner": "helm", "name": "gateway", "status": status}
        self.objects.append(item("Secret", f"{namespace}-{status}", "helm", namespace, labels))

    def kubectl(self, words: Sequence[str], _: object, **__: object) -> str:
        """Standard output."""
        verb, *rest = words
        if verb == "delete":
            self.deleted.append(rest[1])
            return ""
        kinds = rest[0].split(",")
        found = [each for each in self.objects if f"{each['kind'].lower()}s" in kinds]
        return json.dumps({"items": found})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(live, "kubectl", made.kubectl)
    monkeypatch.setattr(live, "_kinds", lambda _: ["namespaces"])
    return made


@pytest.mark.parametrize("unknown", [True, False])
def test_what_helm_notes_of_another_stack_stays(cluster: Cluster, said: list[str], unknown: bool) -> None:
    for namespace in ("mine", "other"):
        for status in ("deployed", "pending-install"):
            cluster.release(namespace, status)
    freed = recovery.free_helm_releases(None, {}, STACK, said.append, unknown=unknown)
    assert cluster.deleted == ["mine-deployed", "mine-pending-install"][not unknown :]
    assert freed == len(cluster.deleted) == len(said)
