"""The objects of the engine's benchmark: pure, so that `kubectl apply` and `pulumi up` are given the same."""

from __future__ import annotations

from typing import Any

from catalog import names

FILLER = "x" * 256


def manifests(count: int, namespace: str, stack: str) -> list[dict[str, Any]]:
    """``count`` ConfigMaps of about 300 bytes each, as ``stack`` writes them."""
    return [config_map(f"object-{index:05d}", namespace, stack, str(index)) for index in range(count)]


def config_map(name: str, namespace: str, stack: str, content: str) -> dict[str, Any]:
    """One ConfigMap with the labels and annotations that the platform's own objects have."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": names.MANAGED_BY},
            "annotations": {names.ANNOTATION_FIELD_MANAGER: names.field_manager(stack)},
        },
        "data": {"content": content, "text": FILLER},
    }
