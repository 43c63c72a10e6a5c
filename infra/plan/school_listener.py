"""The gateway's second door, for boxes in schools: nobody gets an answer there without a certificate of the school CA.

Without `schoolCa` in the stack's settings there is no such door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog import names
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource
from infra.plan.routes import PARCELS, SCHOOLS

CA = "school-ca"
"""ConfigMap with the certificates that boxes' certificates may be from."""
CERTIFICATE_HEADER = "x-forwarded-client-cert"
"""By which the gateway tells a service whose certificate it has verified; what a client sends under that name is dropped."""
RECEIVE_SECONDS = 120
"""How long a box may take to send one request: 1.5 MB over a link that carries 100 kbit/s."""


def listeners(settings: StackSettings, public: Mapping[str, Any], suffix: str = "") -> Iterator[Body]:
    """The listeners beside ``public``, on the same port and certificate, under other host names; only one of them asks for a box's."""
    if settings.school_ca:
        for name, host in ((SCHOOLS, settings.schools_host), (PARCELS, settings.parcels_host)):
            yield {**public, "name": f"{name}{suffix}", "hostname": host}


def plan(settings: StackSettings, clients: Mapping[str, Any]) -> Iterator[Resource]:
    """Whom the listener trusts. ``clients`` is how the gateway treats everybody: a policy of one listener takes nothing over by itself."""
    if not settings.school_ca:
        return
    yield objects.config_map(CA, names.GATEWAY, {"ca.crt": settings.school_ca})
    target = {**clients["targetRefs"][0], "sectionName": SCHOOLS}
    validation = {
        "mode": "RequireAndVerify",
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": CA}],
    }
    spec = {
        **clients,
        "targetRefs": [target],
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
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "ClientTrafficPolicy",
            "metadata": objects.meta(SCHOOLS, names.GATEWAY),
            "spec": spec,
        }
    )
