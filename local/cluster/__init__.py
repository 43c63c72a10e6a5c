"""The embedded cluster: a real single-node Kubernetes in namespaces of its own, for machines that were given no other cluster.

Names are imported on first use, so that the small processes that outlive `up` load only what they need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cluster.images import image_import as image_import
    from local.cluster.in_use import Target as Target
    from local.cluster.in_use import target as target
    from local.cluster.lifecycle import down as down
    from local.cluster.lifecycle import reset as reset
    from local.cluster.lifecycle import up as up
    from local.cluster.log_files import logs as logs
    from local.cluster.part_status import PartStatus as PartStatus
    from local.cluster.part_status import status as status
    from local.cluster.policies import verify_network_policies as verify_network_policies
    from local.cluster.ports import public_port as public_port

_HOME = {
    "image_import": ("images", "image_import"),
    "up": ("lifecycle", "up"),
    "down": ("lifecycle", "down"),
    "reset": ("lifecycle", "reset"),
    "logs": ("log_files", "logs"),
    "public_port": ("ports", "public_port"),
    "status": ("part_status", "status"),
    "PartStatus": ("part_status", "PartStatus"),
    "target": ("in_use", "target"),
    "Target": ("in_use", "Target"),
    "verify_network_policies": ("policies", "verify_network_policies"),
}
"""Public name -> module and name there; no module may be called like a public name, or importing it would hide that."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
