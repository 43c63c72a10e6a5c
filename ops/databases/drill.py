"""A restore into instances of their own, beside the live ones and never over them: what is needed, and what shows that it worked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from catalog import names
from catalog.errors import UserError
from infra.plan.database import API, PLUGIN, UNUSED, archive
from ops.databases import state
from ops.lessons import indexing
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


def begin(place: Place, name: str, until: datetime | None) -> None:
    """Create the restored instances. Raises `UserError` when the name is taken or nothing can be restored."""
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
    place.kubectl("create", "-f", "-", stdin=json.dumps(manifest(live, name, until)))


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


@dataclass(frozen=True)
class Rows:
    """How much a table holds on both sides, and whether it is the same."""

    table: str
    live: int
    restored: int
    same: bool


COUNT = """
SELECT count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {} AS t
"""
"""Rows, and a digest of all that is in them."""


def compare(place: Place, name: str) -> list[Rows]:
    """Every table of the index, live and restored, read as its reader."""
    here, there = (_contents(place, cluster) for cluster in (names.POSTGRES, name))
    empty = (0, "")
    return [
        Rows(table, here.get(table, empty)[0], there.get(table, empty)[0], here.get(table) == there.get(table))
        for table in sorted(here.keys() | there.keys())
    ]


def _contents(place: Place, cluster: str) -> dict[str, tuple[int, str]]:
    with indexing.connected(place, names.reader_role(indexing.INDEX), cluster) as connection:
        quoted = connection.dialect.identifier_preparer.quote
        tables = sa.inspect(connection).get_table_names()
        found = {table: connection.execute(sa.text(COUNT.format(quoted(table)))).one() for table in tables}
    return {table: (int(row[0]), str(row[1])) for table, row in found.items()}
