"""A restore into instances of their own, beside the live ones and never over them: what is needed, and what shows that it worked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from catalog import names
from catalog.errors import UserError
from infra.plan.database import API, PLUGIN, UNUSED, archive
from ops.databases import comparing, state
from ops.databases.comparing import Contents, Rows
from ops.lessons.place import Place

READY_SECONDS = 600.0
PAUSE_SECONDS = 2.0
SAME = ("imageCatalogRef", "storage", "resources", "inheritedMetadata", "certificates", "postgresql", "stopDelay")
"""What the restored instances take over from the live ones; not how many they are, their archive and their roles' passwords."""
SOURCE = "live"


def manifest(live: Mapping[str, Any], name: str, until: datetime | None) -> dict[str, Any]:
    """One instance called ``name``, filled from the archive of ``live`` (a Cluster object) up to ``until``, or to its end."""
    spec = {key: live["spec"][key] for key in SAME if key in live["spec"]}
    target = {"recoveryTarget": {"targetTime": until.isoformat()}} if until else {}
    # Synchronous replicas, where the live ones have some, are not there.
    spec["postgresql"] = {key: each for key, each in spec.get("postgresql", {}).items() if key != "synchronous"}
    return {
        "apiVersion": API,
        "kind": "Cluster",
        "metadata": {"name": name, "namespace": state.SPACE, "labels": {"app.kubernetes.io/part-of": names.DATABASE}},
        "spec": {
            **spec,
            "instances": 1,
            "enablePDB": False,
            "bootstrap": {"recovery": {"source": SOURCE, "database": UNUSED, "owner": UNUSED, **target}},
            "externalClusters": [
                {"name": SOURCE, "plugin": {"name": PLUGIN, "parameters": archive(state.archive_of(live))}}
            ],
        },
    }


def begin(place: Place, name: str, until: datetime | None) -> Contents:
    """Create the restored instances, and say what the live ones held before, all of which is archived.

    Raises `UserError` when the name is taken or nothing can be restored.
    """
    if name == names.POSTGRES:
        raise UserError(f"{name} is the live database: a restore goes beside it; choose another name")
    if place.kubectl("get", state.CLUSTERS, name, "-n", state.SPACE, "--ignore-not-found", "-o", "name").strip():
        raise UserError(
            f"{name} is there already: remove it with `huiju database remove {name}`, or choose another name"
        )
    now = state.read(place.kubectl)
    if now.latest is None or now.earliest is None:
        raise UserError("there is no good backup yet: make one with `huiju database backup`")
    if until and until < now.earliest:
        raise UserError(
            f"{until:%Y-%m-%d %H:%M:%S %Z} is before the oldest backup, {now.earliest:%Y-%m-%d %H:%M:%S %Z}"
        )
    live = json.loads(place.kubectl("get", state.CLUSTERS, names.POSTGRES, "-n", state.SPACE, "-o", "json"))
    held = comparing.contents(place, names.POSTGRES)
    comparing.close_log(place)
    place.kubectl("create", "-f", "-", stdin=json.dumps(manifest(live, name, until)))
    return held


def wait(place: Place, name: str, say: Callable[[str], None], seconds: float = READY_SECONDS) -> None:
    """Return when the restored instance answers. Raises `UserError` with the operator's last word after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (now := state.read(place.kubectl, name)).healthy:
        if time.monotonic() > deadline:
            raise UserError(
                f"{name} is not ready after {seconds:.0f} s: {now.phase}. Look with `kubectl describe cluster {name} -n {state.SPACE}`; "
                f"`huiju database remove {name}` takes it away"
            )
        say(now.phase)
        time.sleep(PAUSE_SECONDS)


def remove(place: Place, name: str) -> None:
    """Take restored instances away with their volumes. Raises `UserError` for the live ones and for a name that is not there."""
    if name == names.POSTGRES:
        raise UserError(f"{name} is the live database; only `huiju down` removes it")
    place.kubectl("delete", state.CLUSTERS, name, "-n", state.SPACE, "--wait=true", "--timeout=25s")


def compare(place: Place, name: str, before: Contents) -> list[Rows]:
    """Every table of every database, live and restored; ``before`` is what `begin` said."""
    restored = comparing.contents(place, name)
    return comparing.judged(before, comparing.contents(place, names.POSTGRES), restored)
