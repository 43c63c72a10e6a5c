"""The gateway's second door, for boxes in schools: nobody gets an answer there without a certificate of the school CA.

It has a host name for all schools, and one for each district, behind which the district's edge stands. A gateway of a district asks for
the same certificates.

Without `schoolCa` in the stack's settings there is no such door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog import City, names
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource
from infra.plan.routes import PARCELS, PUBLIC, SCHOOLS, city_hosts, own_gateways

CA = "school-ca"
"""ConfigMap with the certificates that boxes' certificates may be from."""
CERTIFICATE_HEADER = "x-forwarded-client-cert"
"""By which the gateway tells a service whose certificate it has verified; what a client sends under that name is dropped."""
RECEIVE_SECONDS = 120
"""How long a box may take to send one request: 1.5 MB over a link that carries 100 kbit/s."""


def listeners(city: City, settings: StackSettings, public: Mapping[str, Any], suffix: str = "") -> Iterator[Body]:
    """The listeners beside ``public``, on the same port and certificate, under other host names; all but one ask for a box's."""
    for name, host in city_hosts(city, settings).items():
        if name != PUBLIC:
            yield {**public, "name": f"{name}{suffix}", "hostname": host}


def plan(city: City, settings: StackSettings, clients: Mapping[str, Any]) -> Iterator[Resource]:
    """Whom the listeners trust. ``clients`` is how the gateway treats everybody: a policy of a listener takes nothing over by itself."""
    if not settings.school_ca:
        return
    yield objects.config_map(CA, names.GATEWAY, {"ca.crt": settings.school_ca})
    doors = [each for each in city_hosts(city, settings) if each not in {PUBLIC, PARCELS}]
    asked = [*((names.GATEWAY, door) for door in doors), *((name, name) for name in own_gateways(city, settings))]
    targets = [{**clients["targetRefs"][0], "name": name, "sectionName": door} for name, door in asked]
    validation = {
        "mode": "RequireAndVerify",
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": CA}],
    }
    spec = {
        **clients,
        "targetRefs": targets,
        # Boxes speak HTTP/1.1; without HTTP/2 no client can use the connection for the other host of the same certificate.
        "tls": {**clients["tls"], "alpnProtocols": ["http/1.1"], "clientValidation": validation},
        "headers": {
            **clients["headers"],
            "xForwardedClientCert": {"mode": "SanitizeSet", "certDetailsToAdd": ["Subject"]},
        },
        "timeout": {"http": {**clients["timeout"]["http"], "requestReceivedTimeout": f"{RECEIVE_SECONDS}s"}},
    }
    yield resource(
        {
            "apiVersion": objects.ENVOY_API,
            "kind": "ClientTrafficPolicy",
            "metadata": objects.meta(SCHOOLS, names.GATEWAY),
            "spec": spec,
        }
    )
