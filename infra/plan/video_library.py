"""The video library: the shield in front of the lessons, and what its Jobs (packaging, live classes) need to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog import City, names
from derive import cache_pod, cache_tree, live, packaging, pods, shield, store, video_token
from derive import keys as signing_keys
from derive.store import PACKAGER, PUBLISHER, SHIELD
from infra.config import StackSettings
from infra.plan import cache_pods, objects, upstream_tls
from infra.plan.accounts import endpoint, keys
from infra.plan.cache_pods import CachePod
from infra.plan.object_store import client_secret
from infra.plan.resource import Resource, resource

CONFIGURATION = "shield"


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The shield and the accounts of the service."""
    return (*_shield(city, settings), *_packaging(settings), *_live())


def _packaging(settings: StackSettings) -> Iterator[Resource]:
    """Identity and accounts; the Jobs themselves come and go with each lesson."""
    yield objects.service_account(packaging.COMPONENT, names.VIDEO_LIBRARY)
    yield client_secret(settings, PACKAGER, names.VIDEO_LIBRARY)
    yield client_secret(settings, PUBLISHER, names.VIDEO_LIBRARY)


def _live() -> Iterator[Resource]:
    """Identity of live classes, and the one port of theirs that is open to whoever has a passphrase, wherever they teach."""
    yield objects.service_account(live.COMPONENT, names.VIDEO_LIBRARY)
    spec = {
        "podSelector": {"matchLabels": names.selector(names.VIDEO_LIBRARY, live.COMPONENT)},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "UDP", "port": live.PORT}]}],
    }
    metadata = objects.meta("live-ingest", names.VIDEO_LIBRARY, live.COMPONENT)
    yield resource({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})


def _shield(city: City, settings: StackSettings) -> Iterator[Resource]:
    service, key = names.VIDEO_LIBRARY, keys(settings, SHIELD)
    files = shield.files(city, endpoint(settings), settings.row.cache_size_gib, tokens(settings))
    signing = {
        shield.SIGNING_FILE: shield.signing_file(key.access, key.secret),
        "region.config": shield.region_file(settings.store_region),
    }
    tls = upstream_tls.certificates(settings).of_shield(cache_tree.edges(city))
    yield objects.service_account(names.SHIELD, service)
    yield objects.config_map(CONFIGURATION, service, cache_pods.entries(files))
    yield client_secret(settings, SHIELD, service, **signing)
    yield objects.secret(names.CACHE_TLS_SECRET, service, tls)
    doors = {"schools": shield.PORT, "viewers": shield.VIEWERS_PORT}
    yield objects.cluster_service(names.SHIELD, service, names.SHIELD, doors)
    for number in range(settings.row.replicas):
        yield from _part(number, settings, files, [files, signing, tls])


def _part(number: int, settings: StackSettings, files: Mapping[str, str], rolls_on: object) -> Iterator[Resource]:
    """One part of the shield, and the name by which edges ask it. Each is a Deployment, whose pod goes when its successor is ready."""
    name, service, which = names.shield_part(number), names.VIDEO_LIBRARY, (names.SHIELD, str(number))
    port = {"name": "edges", "port": shield.PORT, "targetPort": shield.PORT, "protocol": "TCP"}
    spec = {"selector": names.selector(service, *which), "ports": [port]}
    yield resource(
        {"apiVersion": "v1", "kind": "Service", "metadata": objects.meta(name, service, names.SHIELD), "spec": spec}
    )
    pod = cache_pods.pod(_pod(settings, files))
    yield objects.workload("Deployment", name, service, pod, rolls_on, part_of=which, replicas=1, **cache_pods.REPLACED)


def tokens(settings: StackSettings) -> str:
    """`uri_signing.json` of the shield: the platform's public keys, and its own place."""
    accepted = settings.ring.public_keys(settings.access_key.get_secret_value(), signing_keys.VIDEO)
    return video_token.configuration(settings.public_url, video_token.CITY, accepted)


def _pod(settings: StackSettings, files: Mapping[str, str]) -> CachePod:
    return CachePod(
        name=names.SHIELD,
        service=names.VIDEO_LIBRARY,
        image=settings.images["trafficserver"],
        config=CONFIGURATION,
        files=files,
        ports={"lessons": shield.PORT, "viewers": shield.VIEWERS_PORT},
        secrets={store.secret(SHIELD): shield.SIGNING, names.CACHE_TLS_SECRET: cache_pod.TLS},
        cache_gib=settings.row.cache_size_gib,
        resources=pods.resources("100m", "512Mi", "2"),
    )
