"""Which path of which listener leads where: rows, and an HTTPRoute for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from catalog import City, names
from catalog.access import Tier
from derive import admission, cache_tree, district_edge, identity, readers, shield
from derive.tenants import tenants
from infra.config import StackSettings
from infra.plan import admission as limiting
from infra.plan import objects, ports, sign_in
from infra.plan.resource import Body, Resource, resource

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
    asked: str | None = None
    """Path at which the entitlement service is asked about each of them besides; None: it is not."""
    by_path: bool = False
    """Whether the path decides which pod is asked, as for a cache."""
    limits: Callable[[City], Iterable[admission.Limit]] | None = None
    """How many requests per second are let through, and for which paths; None: as many as come."""
    needed_for: str = names.REST
    """What does not go without it, a value of the label of its probe; the objective counts what lessons need."""
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
        readers=readers.dashboard_tiers,
        asked=readers.ASKED,
        seconds=40,
    )


_SIGNING_IN = {
    names.IDENTITY: "protocol",
    "identity-actions": "login-actions",
    "identity-broker": "broker",
    "identity-well-known": ".well-known",
}
"""Name of a route -> what it leads to of the realm: the protocols with their sign-in page, what is asked for on the way, where outside
providers send people back to, and the description by which clients find all this. Not the account console, and no registration."""


def _identity(name: str, path: str) -> Route:
    address = f"{identity.PATH}/{path}"
    return Route(name, names.IDENTITY, address, names.IDENTITY, identity.PORT, needed_for=names.SIGN_IN)


def _parcels(name: str, listener: str) -> Route:
    path = f"/{names.BUCKET_PARCELS}/"
    return Route(name, names.VIDEO_LIBRARY, path, names.SHIELD, shield.VIEWERS_PORT, listener)


ROUTES: tuple[Route, ...] = (
    Route(names.PORTAL, names.PORTAL, "/", names.PORTAL, needed_for=names.LESSONS),
    Route(
        names.SHIELD,
        names.VIDEO_LIBRARY,
        f"/{names.BUCKET_LESSONS}/",
        names.SHIELD,
        shield.VIEWERS_PORT,
        by_path=True,
        needed_for=names.LESSONS,
    ),
    Route(
        names.ENTITLEMENT,
        names.ENTITLEMENT,
        admission.PREFIX,
        names.ENTITLEMENT,
        limits=admission.limits,
        needed_for=names.LESSONS,
    ),
    # Of Keycloak what a browser needs to sign in; its administration is not to be reached from outside.
    *(_identity(name, f"realms/{identity.REALM}/{part}/") for name, part in _SIGNING_IN.items()),
    _identity("identity-resources", "resources/"),
    # A box has no certificate before its first installation; the packages are signed, and no secret.
    _parcels(names.BUCKET_PARCELS, PUBLIC),
    Route(
        "schools-lessons",
        names.VIDEO_LIBRARY,
        f"/{names.BUCKET_LESSONS}/",
        names.SHIELD,
        shield.PORT,
        SCHOOLS,
        by_path=True,
    ),
    _parcels("schools-parcels", SCHOOLS),
    _parcels("boxes-parcels", PARCELS),
    Route(names.INTAKE, names.SCHOOL_EDGE, "/api/v1/write", names.INTAKE, listener=SCHOOLS, match="Exact", seconds=60),
    Route(
        "intake-access-log",
        names.SCHOOL_EDGE,
        "/api/v1/access-log",
        names.INTAKE,
        listener=SCHOOLS,
        match="Exact",
        seconds=60,
    ),
    Route(names.VIEWER, names.MONITORING, f"/{names.MONITORING}/", names.VIEWER),
    _query("query", "query"),
    _query("query-range", "query_range"),
)


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """A route in the namespace of each public service that has a path here."""
    public = {tenant.id for tenant in tenants(city) if tenant.public}
    known = hosts(city, settings)
    if asking := sorted({each.service for each in ROUTES if each.asked and each.service in public}):
        yield sign_in.asking(asking)
    for route in (*ROUTES, *_to_edges(city)):
        if route.service in public and route.listener in known:
            if route.readers:
                tiers = [each.id for each in route.readers(city)]
                yield sign_in.policy(route.name, route.service, tiers, settings, route.asked)
            if spec := _traffic(city, route):
                yield traffic_policy(route.name, route.service, spec)
            yield _http_route(route, known[route.listener], list(_gateways(city, settings, route.listener)))


def hosts(city: City, settings: StackSettings) -> dict[str, str]:
    """Listener -> its host name; of those for boxes none without a school CA."""
    doors = {SCHOOLS: settings.schools_host, PARCELS: settings.parcels_host}
    for district in cache_tree.edges(city):
        doors[names.edge_namespace(district)] = names.district_host(district, settings.boxes_domain)
    return {PUBLIC: settings.domain, **(doors if settings.school_ca else {})}


def own_gateways(city: City, settings: StackSettings) -> tuple[str, ...]:
    """Edges with a gateway of their own in their district, by namespace, which is the name of the Gateway and of its listener too."""
    asked = settings.row.district_gateways and settings.school_ca
    return tuple(map(names.edge_namespace, cache_tree.edges_in_zone(city))) if asked else ()


def city_hosts(city: City, settings: StackSettings) -> dict[str, str]:
    """Those of `hosts` that the city's gateway answers to.

    It goes on answering for a district that has a gateway of its own, wherever the name leads. Not where an issuer makes its certificate:
    that is not issued while one of its names leads elsewhere.
    """
    own = own_gateways(city, settings) if settings.cert_issuer else ()
    return {name: host for name, host in hosts(city, settings).items() if name not in own}


def _gateways(city: City, settings: StackSettings, listener: str) -> Iterator[str]:
    """Names of the gateways that have the listener."""
    if listener in city_hosts(city, settings):
        yield names.GATEWAY
    if listener in own_gateways(city, settings):
        yield listener


def _to_edges(city: City) -> Iterator[Route]:
    """Lessons from each district's edge, under the district's own host name, which is its listener's.

    The bytes go from the edge to a pod of the gateway and from there to the school: by the district's own gateway without crossing its link
    (decision 0294), by the city's wherever that runs.
    """
    path, port = f"/{names.BUCKET_LESSONS}/", district_edge.PORT
    for space in map(names.edge_namespace, cache_tree.edges(city)):
        yield Route(space, space, path, names.DISTRICT_EDGE, port, listener=space, by_path=True)


def _traffic(city: City, route: Route) -> Body:
    """How requests are spread and how many are let through; empty where there is nothing to say."""
    # Each path to one pod: what a cache of several pods keeps is kept once, and read once from behind it.
    by_path = {"type": "ConsistentHash", "consistentHash": {"type": "Headers", "headers": [{"name": ":path"}]}}
    return {
        **({"loadBalancer": by_path} if route.by_path else {}),
        **(limiting.spec(route.limits(city)) if route.limits else {}),
    }


def traffic_policy(route: str, service: str, spec: Body) -> Resource:
    """Of the HTTPRoute ``route`` in the namespace of ``service``; there is one at most."""
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}
    return resource(
        {
            "apiVersion": objects.ENVOY_API,
            "kind": "BackendTrafficPolicy",
            "metadata": objects.meta(route, service),
            "spec": {"targetRefs": [target], **spec},
        }
    )


def _http_route(route: Route, host: str, gateways: list[str]) -> Resource:
    space = names.namespace(names.GATEWAY)
    parents = [{"name": name, "namespace": space, "sectionName": route.listener} for name in gateways]
    match: Body = {"path": {"type": route.match, "value": route.path}}
    rule = {
        "matches": [{**match, "method": route.method} if route.method else match],
        **({"filters": list(_filters(route))} if route.to else {}),
        "backendRefs": [{"name": route.backend, "port": route.port}],
        "timeouts": {"request": f"{route.seconds}s"},
    }
    return resource(
        {
            "apiVersion": objects.GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": objects.meta(route.name, route.service),
            "spec": {"parentRefs": parents, "hostnames": [host], "rules": [rule]},
        }
    )


def _filters(route: Route) -> Iterator[Body]:
    """The backend's own path; and a session that the gateway has looked at goes no further."""
    yield {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": route.to}}}
    if route.readers:
        yield {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Cookie", "Authorization"]}}
