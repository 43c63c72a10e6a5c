"""The video library: the shield in front of the lessons, and what its packaging Jobs need to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog import City, names
from derive import keys as signing_keys
from derive import packaging, pods, shield, store, video_token
from derive.store import PACKAGER, PUBLISHER, SHIELD
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.accounts import endpoint, keys
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource

CONFIGURATION = "shield"


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The shield and the accounts of the service."""
    return (*_shield(city, settings), *_packaging(settings))


def _packaging(settings: StackSettings) -> Iterator[Resource]:
    """Identity and accounts; the Jobs themselves come and go with each lesson."""
    yield objects.service_account(packaging.COMPONENT, names.VIDEO_LIBRARY)
    yield client_secret(settings, PACKAGER, names.VIDEO_LIBRARY)
    yield client_secret(settings, PUBLISHER, names.VIDEO_LIBRARY)


def _shield(city: City, settings: StackSettings) -> Iterator[Resource]:
    service, key = names.VIDEO_LIBRARY, keys(settings, SHIELD)
    files = shield.files(city, endpoint(settings), settings.row.cache_size_gib, tokens(settings))
    signing = {
        shield.SIGNING_FILE: shield.signing_file(key.access, key.secret),
        "region.config": shield.region_file(settings.store_region),
    }
    yield objects.service_account(names.SHIELD, service)
    yield objects.config_map(CONFIGURATION, service, {_key(path): text for path, text in files.items()})
    yield client_secret(settings, SHIELD, service, **signing)
    yield objects.cluster_service(names.SHIELD, service, names.SHIELD, shield.PORT, schools=shield.SCHOOLS_PORT)
    yield objects.workload(
        "Deployment", names.SHIELD, service, _pod(settings, files), [files, signing], replicas=settings.row.replicas
    )


def tokens(settings: StackSettings) -> str:
    """`uri_signing.json` of the shield: the platform's public keys, and its own place."""
    accepted = settings.ring.public_keys(settings.access_key.get_secret_value(), signing_keys.VIDEO)
    return video_token.configuration(settings.public_url, video_token.CITY, accepted)


def _key(path: str) -> str:
    """A ConfigMap's key has no slash."""
    return path.replace("/", "__")


def _pod(settings: StackSettings, files: Mapping[str, str]) -> Body:
    container = {
        "name": names.SHIELD,
        "image": settings.images["trafficserver"],
        "ports": [
            {"name": "http", "containerPort": shield.PORT},
            {"name": "schools", "containerPort": shield.SCHOOLS_PORT},
        ],
        "readinessProbe": objects.probe(shield.HEALTH, shield.PORT, period=2),
        "livenessProbe": objects.probe(shield.HEALTH, shield.PORT, period=20),
        "resources": pods.resources("100m", "512Mi", "2"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            objects.mount("configuration", shield.CONFIGURATION, readOnly=True),
            objects.mount("signing", shield.SIGNING, readOnly=True),
            objects.mount("cache", shield.CACHE),
            objects.mount("logs", shield.LOGS),
            objects.mount("run", shield.RUN),
        ],
    }
    items = [{"key": _key(path), "path": path} for path in files]
    volumes = [
        {"name": "configuration", "configMap": {"name": CONFIGURATION, "items": items}},
        pods.secret_files("signing", store.secret(SHIELD)),
        pods.scratch("cache", f"{settings.row.cache_size_gib}Gi"),
        pods.scratch("logs", "128Mi"),
        pods.scratch("run", "16Mi"),
    ]
    spread = objects.spread(names.VIDEO_LIBRARY, names.SHIELD)
    return pods.pod(names.SHIELD, [container], volumes, topologySpreadConstraints=spread)
