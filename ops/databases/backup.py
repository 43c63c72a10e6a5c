"""A base backup by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from catalog import names
from catalog.errors import UserError
from infra.plan.database import API, PLUGIN
from ops.databases import state
from ops.lessons.place import Place

SECONDS = 3600.0
PAUSE_SECONDS = 1.0


def manifest(name: str) -> dict[str, object]:
    """The order to make the backup called ``name``."""
    spec = {"cluster": {"name": names.POSTGRES}, "method": "plugin", "pluginConfiguration": {"name": PLUGIN}}
    return {"apiVersion": API, "kind": "Backup", "metadata": {"name": name, "namespace": state.SPACE}, "spec": spec}


def backup(place: Place, say: Callable[[str], None]) -> str:
    """Make one and return its name. Raises `UserError` when it failed or took longer than an hour."""
    name = f"by-hand-{datetime.now(UTC):%Y%m%d%H%M%S}"
    place.kubectl("create", "-f", "-", stdin=json.dumps(manifest(name)))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        one = next(each for each in state.read(place.kubectl).backups if each.name == name)
        if one.phase == "completed":
            return name
        if one.phase == "failed":
            raise UserError(f"the backup failed: {one.error}\n`kubectl logs -n {state.SPACE} -l cnpg.io/cluster={names.POSTGRES} "
                            "-c plugin-barman-cloud` says more")  # fmt: skip
        say(f"backing up: {one.phase}")
        time.sleep(PAUSE_SECONDS)
    raise UserError(
        f"the backup {name} takes longer than {SECONDS / 60:.0f} minutes: `huiju database status` shows how it ends"
    )
