"""The proof that NetworkPolicies are enforced runs with an image that the cluster can get."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from local.cluster import policies
from local.cluster.in_use import Target

CLUSTER = Target(Path("/kubeconfig"), None, embedded=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Images that a check would start its pods from; no cluster is asked."""
    images: list[str] = []

    def done(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, "", "")

    def probe(_kubectl: policies.Kubectl, _namespace: str, image: str) -> str:
        images.append(image)
        return "enforced"

    monkeypatch.setattr(policies, "_kubectl", lambda _: done)
    monkeypatch.setattr(policies, "_probe", probe)
    return images


def test_the_stacks_own_image_is_used_where_one_is_named(asked: list[str]) -> None:
    assert policies.verify_network_policies(CLUSTER, "registry.example/media-tools@sha256:1") == "enforced"
    assert asked == ["registry.example/media-tools@sha256:1"]


def test_without_one_the_base_of_this_machine_is_used_and_its_absence_is_no_verdict(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert policies.verify_network_policies(CLUSTER).startswith("not verified: the image base is not built")
    assert asked == []
