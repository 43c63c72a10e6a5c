"""Which path of which listener leads where: rows, and an HTTPRoute for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from catalog import City, names
from catalog.access import Tier
from derive import identity, shield
from derive.readers import dashboard_tiers
from infra.config import StackSettings
from infra.plan import objects, ports, sign_in
from infra.plan.resource import Body, Resource, resource

GATEWAY_API = "gateway.networking.k8s.io/v1"
PUBLIC = "https"
"""Listener for browsers, on the platform's domain."""
SCHOOLS = "schools"
"""Listener for boxes in schools, on a host name of its own: who has no certificate of the school CA gets no answer at all."""

PARCELS = "parcels"
"""Listener for what boxes install, on a host name that they can reach: the platform's domain may mean the box itself there."""


@dataclass(frozen=True)
class Route:
    """One path of one listener. The longest prefix wins."""

    name: str
    """Of the HTTPRoute; it never changes."""
    service: str
    """Whose namespace holds it and the Service behind it; without a public service there is no route."""
    path: str
    backend: str
    """The Service object."""
    port: int = objects.HTTP
    listener: str = PUBLIC
    match: Literal["PathPrefix", "Exact"] = "PathPrefix"
    method: Literal["", "GET"] = ""
    """The only method that is let through; empty: all."""
    to: str = ""
    """The path as the backend knows it, for an exact match; empty: the same."""
    readers: Callable[[City], tuple[Tier, ...]] | None = None
    """Tiers whose sessions alone pass; None: everybody."""
    seconds: int = 0
    """How long the whole answer may take; 0: as long as it moves. (Envoy's own 15 s would cut off every large file on a slow link.)"""


API = f"/{names.MONITORING}/api/v1/"


def _query(name: str, call: str) -> Route:
    """One call of Prometheus' HTTP API. Each by its own exact path: the same server takes remote writes."""
    return Route(
        name,
        names.MONITORING,
        f"{API}{call}",
        names.PROMETHEUS,
        ports.PROMETHEUS,
        match="Exact",
        method="GET",
        to=f"/api/v1/{call}",
        readers=dashboard_tiers,
        seconds=40,
    )


ROUTES: tuple[Route, ...] = (
    Route(names.PORTAL, names.PORTAL, "/", names.PORTAL),
    Route(names.SHIELD, names.VIDEO_LIBRARY, f"/{names.BUCKET_LESSONS}/", names.SHIELD),
    Route(names.ENTITLEMENT, names.ENTITLEMENT, "/access/", names.ENTITLEMENT),
    # Of Keycloak what a browser needs to sign in; its administration is not to be reached from outside.
    Route(names.IDENTITY, names.IDENTITY, f"{identity.PATH}/realms/{identity.REALM}/", names.IDENTITY, identity.PORT),
    Route("identity-resources", names.IDENTITY, f"{identity.PATH}/resources/", names.IDENTITY, identity.PORT),
    # A box has no certificate before its first installation; the packages are signed, and no secret.
    Route(names.BUCKET_PARCELS, names.VIDEO_LIBRARY, f"/{names.BUCKET_PARCELS}/", names.SHIELD),
    Route(
        "schools-lessons", names.VIDEO_LIBRARY, f"/{names.BUCKET_LESSONS}/", names.SHIELD, shield.SCHOOLS_PORT, SCHOOLS
    ),
    Route("schools-parcels", names.VIDEO_LIBRARY, f"/{names.BUCKET_PARCELS}/", names.SHIELD, listener=SCHOOLS),
    Route("boxes-parcels", names.VIDEO_LIBRARY, f"/{names.BUCKET_PARCELS}/", names.SHIELD, listener=PARCELS),
    Route(names.INTAKE, names.SCHOOL_EDGE, "/api/v1/write", names.INTAKE, listener=SCHOOLS, match="Exact", seconds=60),
    Route(names.VIEWER, names.MONITORING, f"/{names.MONITORING}/", names.VIEWER),
    _query("query", "query"),
    _query("query-range", "query_range"),
)


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """A route in the namespace of each public service that has a path here."""
    public = {service.id for service in city.services if service.public}
    hosts = {PUBLIC: settings.domain}
    if settings.school_ca:
        hosts |= {SCHOOLS: settings.schools_host, PARCELS: settings.parcels_host}
    for route in ROUTES:
        if route.service in public and route.listener in hosts:
            if route.readers:
                yield sign_in.policy(route.name, route.service, [t.id for t in route.readers(city)], settings)
            yield _http_route(route, hosts[route.listener])


def _http_route(route: Route, host: str) -> Resource:
    gateway = {"name": names.GATEWAY, "namespace": names.namespace(names.GATEWAY), "sectionName": route.listener}
    match: Body = {"path": {"type": route.match, "value": route.path}}
    rule = {
        "matches": [{**match, "method": route.method} if route.method else match],
        **({"filters": list(_filters(route))} if route.to else {}),
        "backendRefs": [{"name": route.backend, "port": route.port}],
        "timeouts": {"request": f"{route.seconds}s"},
    }
    return resource(
        {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": objects.meta(route.name, route.service),
            "spec": {"parentRefs": [gateway], "hostnames": [host], "rules": [rule]},
        }
    )


def _filters(route: Route) -> Iterator[Body]:
    """The backend's own path; and a session that the gateway has looked at goes no further."""
    yield {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": route.to}}}
    if route.readers:
        yield {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Cookie", "Authorization"]}}
