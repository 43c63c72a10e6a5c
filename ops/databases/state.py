"""How the database is, as its operator tells: instances, archive and backups, as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog import names
from infra.plan.database import ARCHIVE

SPACE = names.namespace(names.DATABASE)
CLUSTERS, BACKUPS, STORES = (
    "clusters.postgresql.cnpg.io",
    "backups.postgresql.cnpg.io",
    "objectstores.barmancloud.cnpg.io",
)
OVERDUE = timedelta(hours=26)
"""A backup is made every night; two hours are its own."""
Ask = Callable[..., str]
"""kubectl: words in, standard output out; raises `UserError`."""


@dataclass(frozen=True)
class Backup:
    """One base backup."""

    name: str
    phase: str
    """The operator's word: `completed`, `failed`, or a step on the way there."""
    stopped: datetime | None
    error: str


@dataclass(frozen=True)
class State:
    """The instances and what could be restored."""

    phase: str
    wanted: int
    ready: int
    primary: str
    archiving: bool | None
    """Whether write-ahead logs reach the archive; None before the first one."""
    archiving_says: str
    archive: str
    """Name under which backups and logs are kept."""
    earliest: datetime | None
    """From when on any moment can be restored."""
    latest: datetime | None
    """End of the newest good base backup."""
    backups: tuple[Backup, ...]
    """Newest first."""

    @property
    def healthy(self) -> bool:
        """Whether every instance that should be there is."""
        return self.ready >= self.wanted > 0

    def age(self, now: datetime) -> timedelta | None:
        """How old the newest good base backup is; None when there is none."""
        return now - self.latest if self.latest else None


def read(ask: Ask, name: str = names.POSTGRES) -> State:
    """The state of the instances called ``name``. Raises `UserError` when there are none."""

    def get(*words: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(ask("get", *words, "-n", SPACE, "-o", "json"))
        return found

    backups = [each for each in get(BACKUPS)["items"] if each["spec"]["cluster"]["name"] == name]
    return parse(get(CLUSTERS, name), get(STORES, ARCHIVE), backups)


def parse(cluster: Mapping[str, Any], store: Mapping[str, Any], backups: list[Mapping[str, Any]]) -> State:
    """The state that the three kinds of object describe."""
    status = cluster.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    archiving = conditions.get("ContinuousArchiving")
    windows = (store.get("status") or {}).get("serverRecoveryWindow") or {}
    window = windows.get(archive_of(cluster)) or {}
    newest = sorted(backups, key=lambda each: str(each["metadata"]["creationTimestamp"]), reverse=True)
    return State(
        phase=str(status.get("phase") or "unknown"),
        wanted=int(cluster["spec"]["instances"]),
        ready=int(status.get("readyInstances") or 0),
        primary=str(status.get("currentPrimary") or ""),
        archiving=archiving["status"] == "True" if archiving else None,
        archiving_says=str((archiving or {}).get("message") or ""),
        archive=archive_of(cluster),
        earliest=moment(window.get("firstRecoverabilityPoint")),
        latest=moment(window.get("lastSuccessfulBackupTime")),
        backups=tuple(map(_backup, newest)),
    )


def archive_of(cluster: Mapping[str, Any]) -> str:
    """Name of the archive that these instances write; empty for those that write none."""
    archivers = [each for each in cluster["spec"].get("plugins") or () if each.get("isWALArchiver")]
    names = [str((each.get("parameters") or {}).get("serverName") or cluster["metadata"]["name"]) for each in archivers]
    return next(iter(names), "")


def _backup(each: Mapping[str, Any]) -> Backup:
    status = each.get("status") or {}
    phase = str(status.get("phase") or "pending")
    return Backup(each["metadata"]["name"], phase, moment(status.get("stoppedAt")), str(status.get("error") or ""))


def moment(text: str | None) -> datetime | None:
    """A Kubernetes time."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def span(age: timedelta) -> str:
    """An age in words of one unit."""
    hours = age / timedelta(hours=1)
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004
