"""How the gateway speaks to the caches: by TLS, with a certificate that they know, and with nobody whose certificate it does not know."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import cache_tree
from derive.cache_tls import CacheTls
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource

CLIENT = "cache-client"
"""Secret with what the gateway shows to caches."""
KNOWN = "known-certificates"
"""ConfigMap beside a cache with what the gateway knows it by."""
SHOWN: Body = {"clientCertificateRef": {"group": "", "kind": "Secret", "name": CLIENT}}
"""`backendTLS` of an EnvoyProxy: shown to whatever is asked by TLS, which a `BackendTLSPolicy` decides."""


def certificates(settings: StackSettings) -> CacheTls:
    """Those of the stack."""
    return CacheTls(settings.access_key.get_secret_value(), settings.ring)


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """The gateway's own certificate, and for each cache that it asks whom it takes for it."""
    tls, service = certificates(settings), names.VIDEO_LIBRARY
    yield objects.secret(CLIENT, names.GATEWAY, tls.of_gateway(), "kubernetes.io/tls")
    yield from _known(names.SHIELD, service, cache_tree.shield_host(), tls.shield())
    for district in cache_tree.edges(city):
        space = names.edge_namespace(district)
        yield from _known(names.DISTRICT_EDGE, space, cache_tree.edge_service(district), tls.edge(district))


def _known(backend: str, service: str, host: str, trusted: str) -> Iterator[Resource]:
    """The Service ``backend`` is asked by TLS, whatever its port; ``host`` is asked for by name (SNI) and stands in the certificate."""
    yield objects.config_map(KNOWN, service, {"ca.crt": trusted})
    validation = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": KNOWN}], "hostname": host}
    yield resource(
        {
            "apiVersion": objects.GATEWAY_API,
            "kind": "BackendTLSPolicy",
            "metadata": objects.meta(backend, service),
            "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": backend}], "validation": validation},
        }
    )
