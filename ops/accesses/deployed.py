"""Whether the platform decides by the rules that a command here judges by: this clone's catalog may be ahead of it, or behind."""

from __future__ import annotations

import json
from typing import Final

from rich.console import Console
from rich.text import Text

from catalog import City, names
from catalog.errors import UserError
from derive import generated
from ops.lessons.place import Place
from policies.access import document

SHORT: Final = 12
"""Digits of a digest, as the entitlement service shows its version."""


def tell(where: Place, city: City) -> None:
    """Say so on standard error where they differ; nothing where they are the same, or the platform does not say by which it decides."""
    if said := differing(where, city):
        Console(stderr=True, soft_wrap=True, highlight=False).print(Text(said, style="yellow"))


def differing(where: Place, city: City) -> str:
    """That the rules differ, in words; empty where they do not, or it is not known. Never fails."""
    deployed, here = _deployed(where), generated.digest(document.text(city))
    if deployed in {None, here}:
        return ""
    return (
        f"judged by this clone's catalog (rules {here[:SHORT]}), and the platform decides by others ({str(deployed)[:SHORT]}): "
        f"`huiju up --stack {where.stack}` brings these there"
    )


def _deployed(where: Place) -> str | None:
    """Digest of the rules that are mounted there."""
    try:
        found = where.kubectl(
            "get", "configmap", names.ENTITLEMENT, "-n", names.namespace(names.ENTITLEMENT), "-o", "json"
        )
        return str(json.loads(json.loads(found)["data"][generated.STAMP])["files"][document.FILE])
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return None
