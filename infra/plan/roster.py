"""The roster: its tables and everybody's rights are brought up to date at each change of the kit, and the key by which ids are hashed."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from catalog.service import Database
from derive import database, keys, pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.database import databases, instances, role_secret
from infra.plan.resource import Body, Resource, digest

COMPONENT = names.DATABASE_ROSTER
SERVICE = names.ENTITLEMENT


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """The Job of this version, how it signs in, and the key of who takes rosters in."""
    (roster,) = (each for _, each in databases(city) if each.id == names.DATABASE_ROSTER)
    yield objects.service_account(COMPONENT, SERVICE)
    yield role_secret(roster, names.owner_role(roster.id), SERVICE, settings)
    # For the commands, which read it as whoever may read Secrets here, and for the service that checks slips.
    yield objects.secret(names.ROSTER_KEY_SECRET, SERVICE, {"key": hashing_key(settings)})
    pod = _pod(roster, settings)
    # Named by its input: another input is another Job, the same one never runs twice.
    yield objects.job(f"{COMPONENT}-{digest([pod, instances(settings)], 8)}", SERVICE, COMPONENT, pod)


def hashing_key(settings: StackSettings) -> str:
    """What ids of registers are hashed under; the seed itself is never deployed."""
    return keys.password(settings.roster_key.get_secret_value(), "roster/person")


def _pod(roster: Database, settings: StackSettings) -> Body:
    owner, *others = names.database_roles(roster.id)
    container = {
        "name": COMPONENT,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.roster", *others],
        "env": database.client_env(roster.id),
        "resources": pods.resources("50m", "192Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [database.client_mount()],
    }
    return pods.pod(COMPONENT, [container], [database.client_volume(owner)], restartPolicy="OnFailure")
