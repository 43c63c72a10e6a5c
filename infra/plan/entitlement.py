"""The entitlement service: its rules from the policies surface, its keys from the stack's seed, and accounts of its own that only read.

New rules are mounted and taken up by the running pods; new keys replace the pods, so that signer and verifiers change in one run. Either
way no request is dropped (docs/decisions/0174).
"""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import database, federation, generated, identity, keys, pods, store
from infra.config import StackSettings
from infra.plan import derived, log_anchor, objects, sign_in
from infra.plan.database import databases, role_secret
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource

SERVICE = names.ENTITLEMENT
RULES, SESSIONS = "access.json", "sessions.json"
READER = names.reader_role(names.DATABASE_ROSTER)
"""The roster's role that sees one person at a time."""
SIGNING = "signing-keys"
"""Secret with the keys that sign video tokens and sessions, one file a purpose and epoch, and the volume that holds it."""
DOOR = "sign-in"
"""Secret with what signing in through Keycloak needs, and its volume."""
_ACCOUNTS, _ROSTER_KEY = "/etc/identity-accounts", "/etc/roster-key"
_FILES, _KEYS, _DOOR = "/etc/entitlement", "/etc/signing-keys", "/etc/sign-in"
_DRAIN_SECONDS = 5
"""How long a pod that is to go still answers: until nobody sends it anything new."""
AUDIT, _AUDIT = "audit", "/var/lib/audit"
"""Volume of audit records that wait for the store: it outlives the container, not the pod, which ships before it ends."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of the service."""
    return (*_service(city, settings), *log_anchor.plan(city, settings))


def _service(city: City, settings: StackSettings) -> Iterator[Resource]:
    rules = {RULES: derived.files("policies", city, settings)[RULES]}
    rules[generated.STAMP], sessions = derived.stamp("policies", city, settings), sign_in.key_set(settings)
    seed = settings.access_key.get_secret_value()
    # Both epochs while there are two: a pod that starts in the middle of a step finds the key that it was told of.
    signing = {
        _pem(keys.key_id(purpose, epoch)): keys.pem(keys.private_key(seed, purpose, epoch))
        for purpose in (keys.VIDEO, keys.SESSION)
        for epoch in settings.ring.accepted
    }
    account = client_secret(settings, store.ENTITLEMENT, SERVICE)
    door = objects.secret(DOOR, SERVICE, _door(settings))
    accounts = objects.secret(names.ACCOUNTS_SECRET, SERVICE, _accounts(settings))
    (roster,) = (each for _, each in databases(city) if each.id == names.DATABASE_ROSTER)
    reader = role_secret(roster, READER, SERVICE, settings)
    secrets = (account, door, accounts, reader)
    yield objects.service_account(SERVICE, SERVICE)
    yield objects.config_map(SERVICE, SERVICE, {**rules, SESSIONS: sessions})
    yield objects.secret(SIGNING, SERVICE, signing)
    yield from secrets
    yield client_secret(settings, store.AUDITOR, SERVICE)
    yield objects.cluster_service(SERVICE, SERVICE, SERVICE, objects.HTTP)
    rolls_on = [sessions, signing, *(each.props["stringData"] for each in secrets)]
    yield objects.workload(
        "Deployment", SERVICE, SERVICE, _pod(city, settings), rolls_on, replicas=settings.row.replicas
    )


def _door(settings: StackSettings) -> dict[str, str]:
    """The portal's secret at Keycloak, and one by which the cookies of a sign-in under way are signed."""
    seed = settings.identity_key.get_secret_value()
    return {
        "client": identity.client_secret(seed, identity.CLIENT_PORTAL),
        "cookie": keys.password(seed, "entitlement/sign-in-cookie"),
    }


def _accounts(settings: StackSettings) -> dict[str, str]:
    """For the pods, and for the operator's commands, which read it as whoever may read Secrets here."""
    return {"secret": identity.client_secret(settings.identity_key.get_secret_value(), identity.CLIENT_ACCOUNTS)}


def _pem(key_id: str) -> str:
    """The file of a key; the service takes the key's id from its name."""
    return f"{key_id}.pem"


def _audit(city: City, settings: StackSettings) -> dict[str, str]:
    """Where records go, for how long they are locked, and how soon."""
    (bucket,) = (each for each in city.service(SERVICE).buckets if each.id == names.BUCKET_AUDIT)
    return {
        "AUDIT_FOLDER": _AUDIT,
        "AUDIT_BUCKET": bucket.id,
        "AUDIT_LOCKED_DAYS": str(bucket.locked_days),
        "AUDIT_SECONDS": str(settings.row.audit_ship_seconds),
    }


def _pod(city: City, settings: StackSettings) -> Body:
    own = {
        "ENTITLEMENT_ISSUER": settings.public_url,
        "ENTITLEMENT_FILES": _FILES,
        "ENTITLEMENT_KEY": f"{_KEYS}/{_pem(settings.ring.key_id(keys.VIDEO))}",
        "ENTITLEMENT_SESSION_KEY": f"{_KEYS}/{_pem(settings.ring.key_id(keys.SESSION))}",
        "ENTITLEMENT_BUCKET": names.BUCKET_LESSONS,
        "ENTITLEMENT_IDENTITY": identity.internal_url(),
        "ENTITLEMENT_DOOR": _DOOR,
        "ENTITLEMENT_ACCOUNTS": f"{_ACCOUNTS}/secret",
        "ENTITLEMENT_ROSTER_KEY": f"{_ROSTER_KEY}/key",
        **({"ENTITLEMENT_NAMING": naming} if (naming := federation.naming(settings.identity_providers)) else {}),
        **({"ENTITLEMENT_BOXES": settings.boxes_domain} if settings.school_ca else {}),
        **_audit(city, settings),
    }
    container = {
        "name": SERVICE,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.entitlement"],
        "env": [*store.client_env(), *database.client_env(names.DATABASE_ROSTER), *objects.env(own)],
        "ports": [{"name": "http", "containerPort": objects.HTTP}],
        "readinessProbe": objects.probe("/readyz", objects.HTTP, period=2),
        "livenessProbe": objects.probe("/healthz", objects.HTTP, period=20),
        "lifecycle": {"preStop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
        "resources": pods.resources("100m", "256Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            objects.mount(SERVICE, _FILES, readOnly=True),
            objects.mount(SIGNING, _KEYS, readOnly=True),
            objects.mount(DOOR, _DOOR, readOnly=True),
            objects.mount(names.ACCOUNTS_SECRET, _ACCOUNTS, readOnly=True),
            objects.mount(names.ROSTER_KEY_SECRET, _ROSTER_KEY, readOnly=True),
            store.client_mount(),
            database.client_mount(),
            objects.mount(AUDIT, _AUDIT),
            objects.mount("tmp", objects.TMP),
        ],
    }
    volumes = [
        objects.files_of(SERVICE),
        pods.secret_files(SIGNING, SIGNING),
        *(pods.secret_files(name, name) for name in (DOOR, names.ACCOUNTS_SECRET, names.ROSTER_KEY_SECRET)),
        store.client_volume(store.ENTITLEMENT),
        database.client_volume(READER),
        pods.scratch(AUDIT, "256Mi"),
        pods.scratch("tmp", "16Mi"),
    ]
    return pods.pod(SERVICE, [container], volumes, topologySpreadConstraints=objects.spread(SERVICE, SERVICE))
