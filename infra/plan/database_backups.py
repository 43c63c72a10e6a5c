"""The nightly base backup of the database, and the first one at once. Write-ahead logs follow all day by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from catalog import City, names
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.database import API, PLUGIN
from infra.plan.resource import Resource, resource

HOUR, MINUTE = 2, 30
"""By the city's clock: before the store deletes what is past its term, when nobody is at school."""


def plan(city: City, _settings: StackSettings) -> tuple[Resource, ...]:
    """The schedule."""
    spec = {
        "schedule": schedule(city.timezone),
        "immediate": True,
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
        "cluster": {"name": names.POSTGRES},
        # The notes on backups go with the instances; the backups themselves stay in the object store.
        "backupOwnerReference": "cluster",
    }
    metadata = objects.meta("nightly", names.DATABASE)
    return (resource({"apiVersion": API, "kind": "ScheduledBackup", "metadata": metadata, "spec": spec}),)


def schedule(zone: str) -> str:
    """The operator's own six fields, in UTC, which is all that it knows: in summer an hour off where clocks are changed."""
    offset = ZoneInfo(zone).utcoffset(datetime(2026, 1, 1)) or timedelta()  # a wall clock's time is meant
    moment = datetime(2026, 1, 2, HOUR, MINUTE, tzinfo=UTC) - offset
    return f"0 {moment.minute} {moment.hour} * * *"
