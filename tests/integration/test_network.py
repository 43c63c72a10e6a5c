"""Who reaches whom: every pair of a service's pods and a door, knocked at from inside, against the words of the catalog by hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
DOORS: dict[str, tuple[str, ...]] = {
    "object-store": ("object-store:7070",),
    "portal": ("portal:8080",),
    "video-library": ("shield:8443", "shield:8444", "shield-0:8443", "shield-pods:8083"),
    "edge-east": ("district-edge:8443", "district-edge-pods:8083"),
    "edge-hills": ("district-edge:8443", "district-edge-pods:8083"),
    "entitlement": ("entitlement:8080",),
    "identity": ("identity:8080", "identity-pods:9000"),
    "database": ("postgres-rw:5432", "postgres-pods:9187"),
    "monitoring": ("prometheus:9090", "alertmanager:9093", "blackbox:9115", "exporter:8080", "viewer:8080"),
    "school-edge": ("intake:8080", "intake:8081"),
    "gateway": ("envoy:443", "envoy-pods:19001"),
    "log-collector": ("log-collector:8888",),
    "default": ("kubernetes:443",),
}
"""Namespace -> Services and ports at which somebody listens."""
FROM = {
    "portal": ("deployment/portal",),
    "video-library": ("deployment/shield-0",),
    "school-edge": ("deployment/intake",),
    "edge-east": ("deployment/district-edge",),
    "monitoring": ("deployment/blackbox",),
    "entitlement": ("deployment/entitlement",),
    "identity": ("deployment/identity",),
    "database": ("-c", "postgres"),
}
"""Namespace -> whose pods knock; PostgreSQL's primary is looked up."""
OPEN: dict[str, dict[str, tuple[str, ...]]] = {
    "portal": {},
    "video-library": {"object-store": ("object-store:7070",), "database": ("postgres-rw:5432",)},
    # People sign in through it.
    "entitlement": {
        "object-store": ("object-store:7070",),
        "database": ("postgres-rw:5432",),
        "identity": ("identity:8080",),
    },
    "identity": {"database": ("postgres-rw:5432",)},
    # Its instances talk to the Kubernetes API, and archive.
    "database": {"object-store": ("object-store:7070",), "default": ("kubernetes:443",)},
    # Only the shield, by the door where it shows a certificate.
    "edge-east": {"video-library": ("shield:8443", "shield-0:8443")},
    # The intake hands readings on.
    "school-edge": {"monitoring": ("prometheus:9090",)},
    # It watches all others, by the ports where they say how they are.
    "monitoring": {
        "object-store": ("object-store:7070",),
        "portal": ("portal:8080",),
        "video-library": ("shield-pods:8083",),
        "entitlement": ("entitlement:8080",),
        "identity": ("identity-pods:9000",),
        "database": ("postgres-pods:9187",),
        "school-edge": ("intake:8081",),
        "edge-east": ("district-edge-pods:8083",),
        "edge-hills": ("district-edge-pods:8083",),
        "gateway": ("envoy:443", "envoy-pods:19001"),
        "log-collector": ("log-collector:8888",),
    },
}
"""Namespace -> what its pods reach outside of it; inside they reach each other."""
AT_ONCE = 4
"""Some of these pods have 48 MiB of memory."""
ORIGINS_AT_ONCE = 4
"""They wait for doors that stay shut, three seconds each."""
ROUNDS = 5
"""A busy machine may be slow to open a door, but opens none that is shut."""


def knocked(platform: Platform, origin: str) -> set[tuple[str, str]]:
    """The doors that open to a pod of ``origin``: namespace, and Service with port."""
    every = [(namespace, door) for namespace, doors in DOORS.items() for door in doors]
    words = []
    for number, (namespace, door) in enumerate(every, start=1):
        name, port = door.split(":")
        way = f"/dev/tcp/{name}.{namespace}.svc.cluster.local/{port}"
        words.append(f"(timeout 3 bash -c '<{way}' 2>/dev/null && echo {namespace} {door}) &")
        words += ["wait"] if number % AT_ONCE == 0 else []
    who = FROM[origin]
    if origin == "database":
        primary = ("get", "pods", "-n", origin, "-l", "cnpg.io/cluster=postgres,cnpg.io/instanceRole=primary")
        who = (platform.cluster.kubectl(*primary, "-o", "name").split()[0], *who)
    said = platform.cluster.kubectl("exec", "-n", origin, *who, "--", "bash", "-c", "\n".join([*words, "wait"]))
    return {(namespace, door) for namespace, door in (line.split() for line in said.splitlines())}


def mismatches(platform: Platform, origin: str) -> list[tuple[str, str, str]]:
    """Doors that open to a pod of ``origin`` and should not, or should and do not: origin, namespace, Service with port."""
    wanted = {(namespace, door) for namespace, doors in OPEN[origin].items() for door in doors}
    wanted |= {(origin, door) for door in DOORS[origin]}
    found: set[tuple[str, str]] = set()
    for _ in range(ROUNDS):
        found |= knocked(platform, origin)
        if found >= wanted:
            break
    return [(origin, *pair) for pair in sorted(found ^ wanted)]


@pytest.mark.timeout(900)
def test_each_service_reaches_what_the_catalog_names_and_nothing_else(
    platform: Platform, proof: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(ORIGINS_AT_ONCE) as workers:
        wrong = [pair for found in workers.map(lambda origin: mismatches(platform, origin), FROM) for pair in found]
    asked = len(FROM) * sum(map(len, DOORS.values()))
    said = f"{asked} pairs of a service and a door, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nnetwork: {said}")
    proof("access: NetworkPolicies, every pair of a service and a door, knocked at from inside", said)
    assert not wrong, wrong


def test_every_namespace_with_a_door_is_asked_about(platform: Platform) -> None:
    labelled = ("get", "namespaces", "-l", "huiju.dev/service", "-o", "jsonpath={.items[*].metadata.name}")
    assert set(platform.cluster.kubectl(*labelled).split()) | {"default"} == set(DOORS)
