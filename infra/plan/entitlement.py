"""The entitlement service: its rules from the policies surface, its keys from the stack's seed, and a read account of its own."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import keys, pods, store
from infra.config import StackSettings
from infra.plan import derived, objects, sign_in
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource

SERVICE = names.ENTITLEMENT
RULES, SESSIONS = "access.json", "sessions.json"
SIGNING = "video-token-key"
"""Secret with the key that signs video tokens, and the volume that holds it."""
PEM = "video.pem"
_FILES, _KEYS = "/etc/entitlement", "/etc/video-token"
AUDIT, _AUDIT = "audit", "/var/lib/audit"
"""Volume of audit records that wait for the store: it outlives the container, not the pod, which ships before it ends."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of the service."""
    return tuple(_service(city, settings))


def _service(city: City, settings: StackSettings) -> Iterator[Resource]:
    files = {RULES: derived.files("policies", city, settings)[RULES], SESSIONS: sign_in.key_set(settings)}
    signing = {PEM: keys.pem(keys.private_key(settings.access_key.get_secret_value(), keys.VIDEO))}
    account = client_secret(settings, store.ENTITLEMENT, SERVICE)
    yield objects.service_account(SERVICE, SERVICE)
    yield objects.config_map(SERVICE, SERVICE, files)
    yield objects.secret(SIGNING, SERVICE, signing)
    yield account
    yield client_secret(settings, store.AUDITOR, SERVICE)
    yield objects.cluster_service(SERVICE, SERVICE, SERVICE, objects.HTTP)
    rolls_on = [files, signing, account.props["stringData"]]
    yield objects.workload(
        "Deployment", SERVICE, SERVICE, _pod(city, settings), rolls_on, replicas=settings.row.replicas
    )


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
        "ENTITLEMENT_KEY": f"{_KEYS}/{PEM}",
        "ENTITLEMENT_BUCKET": names.BUCKET_LESSONS,
        **_audit(city, settings),
    }
    container = {
        "name": SERVICE,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.entitlement"],
        "env": [*store.client_env(), *objects.env(own)],
        "ports": [{"name": "http", "containerPort": objects.HTTP}],
        "readinessProbe": objects.probe("/healthz", objects.HTTP, period=2),
        "livenessProbe": objects.probe("/healthz", objects.HTTP, period=20),
        "resources": pods.resources("100m", "256Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            objects.mount(SERVICE, _FILES, readOnly=True),
            objects.mount(SIGNING, _KEYS, readOnly=True),
            store.client_mount(),
            objects.mount(AUDIT, _AUDIT),
            objects.mount("tmp", objects.TMP),
        ],
    }
    volumes = [
        objects.files_of(SERVICE),
        pods.secret_files(SIGNING, SIGNING),
        store.client_volume(store.ENTITLEMENT),
        pods.scratch(AUDIT, "256Mi"),
        pods.scratch("tmp", "16Mi"),
    ]
    return pods.pod(SERVICE, [container], volumes, topologySpreadConstraints=objects.spread(SERVICE, SERVICE))
