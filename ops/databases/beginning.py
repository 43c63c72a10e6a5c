"""What the database's instances began with, and where they archive.

Instances that run are asked. New ones get an archive of their own: an old one is never written again, whatever became of those that
wrote it, and new instances refuse one that is not empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalog import names
from catalog.errors import UserError
from ops.databases.state import CLUSTERS, SPACE, archive_of

PATH = f"/apis/postgresql.cnpg.io/v1/namespaces/{SPACE}/clusters/{names.POSTGRES}"
Ask = Callable[[list[str]], str]
"""kubectl: words in, standard output out; raises `UserError`."""


@dataclass(frozen=True)
class Beginning:
    """Names of archives."""

    archive: str
    """The one that the instances write."""
    source: str | None = None
    """The one that they were filled from; None when they began empty."""


def settled(ask: Ask, source: str | None, now: datetime | None = None) -> Beginning:
    """What the instances' definition says from now on; ``source`` is the archive that a user wants new ones filled from.

    Raises `UserError` when there are instances already that did not come from there.
    """
    found = _running(ask)
    if found is None:
        return Beginning(f"{names.POSTGRES}-{now or datetime.now(UTC):%Y%m%d-%H%M%S}", source)
    if source and source != found.source:
        raise UserError(
            f"the database runs, and {f'came from {found.source}' if found.source else 'began empty'}: only new instances are filled from "
            f"an archive. To give these up: kubectl delete {CLUSTERS} {names.POSTGRES} -n {SPACE}"
        )
    return found


def _running(ask: Ask) -> Beginning | None:
    """What those that are there began with; None when there are none, or they are being deleted."""
    try:
        cluster: Mapping[str, Any] = json.loads(ask(["get", "--raw", PATH]))
    except UserError as error:
        if "NotFound" in str(error):
            return None
        raise
    if cluster["metadata"].get("deletionTimestamp"):
        return None
    recovery = cluster["spec"].get("bootstrap", {}).get("recovery") or {}
    return Beginning(archive_of(cluster), recovery.get("source"))
