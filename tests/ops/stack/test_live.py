"""What the cluster says is the stack's own, from a program in kubectl's place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import names
from catalog.errors import UserError
from local import toolchain
from ops.stack import live

FakeKubectl = Callable[[str], None]
AWAY = (
    "error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: the server is currently unable"
)
"""As kubectl 1.32 says it, below lines of its log."""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKubectl:
    """`fake(script)`: answers instead of kubectl; `$2` is the verb, `$3` what it is about."""

    def make(script: str) -> None:
        program = tmp_path / "kubectl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(toolchain, "tool", lambda name: program)

    return make


def item(
    kind: str, name: str, stack: str, namespace: str | None = None, labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """One object as the API gives it, applied by ``stack``."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": labels or {},
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [{"manager": names.field_manager(stack), "operation": "Apply"}],
            **({"namespace": namespace} if namespace else {}),
        },
    }


def said(*items: dict[str, Any]) -> str:
    return f"cat <<'END'\n{json.dumps({'items': items})}\nEND"


LISTING = said(item("ConfigMap", "mine", "test", "a"), item("ConfigMap", "other", "another", "b"))


def test_a_server_of_others_that_is_away_does_not_hide_what_is_ours(fake: FakeKubectl) -> None:
    kinds = f'echo configmaps; echo events; echo "E1201 memcache.go:287] {AWAY}" >&2; echo "{AWAY}" >&2; exit 1'
    fake(f"if [ $2 = api-resources ]; then {kinds}; fi\n[ $3 = configmaps ] || exit 2\n{LISTING}")
    assert [found.name for found in live.managed({}, "test")] == ["mine"]


@pytest.mark.parametrize(
    "answer",
    [
        f'echo "{AWAY}" >&2',
        'echo configmaps; echo "error: the server closed the connection" >&2',
        f'echo configmaps; echo "{AWAY}" >&2; echo "error: You must be logged in" >&2',
    ],
)
def test_any_other_failure_is_one(fake: FakeKubectl, answer: str) -> None:
    fake(f"if [ $2 = api-resources ]; then {answer}; exit 1; fi\n{LISTING}")
    with pytest.raises(UserError, match="kubectl api-resources --verbs=list,delete failed"):
        live.managed({}, "test")


def test_helms_records_are_told_apart_by_whose_namespace_they_are_in(fake: FakeKubectl) -> None:
    namespaces = said(item("Namespace", "mine", "test"), item("Namespace", "other", "another"))
    secrets = [
        item("Secret", f"sh.helm.release.v1.{each}.v1", "helm", each, {"name": each, "status": "deployed"})
        for each in ("mine", "other", "stranger")
    ]
    fake(f"if [ $3 = namespaces ]; then {namespaces}\nelse {said(*secrets)}\nfi")
    assert [(each.namespace, each.release) for each in live.helm_records({}, "test")] == [("mine", "mine")]
