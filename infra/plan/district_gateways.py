"""Gateways of districts: Envoy in a district's zone, by which the boxes of its schools reach its edge without crossing its link.

Each is the city's own gateway once more: the same pods in another place, under one host name, asking for the same certificates, with a
route to its own edge and to nothing else. What boxes ask of the city itself (readings, parcels, the shield) stays at the city's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from catalog import City, names
from catalog.school import District
from derive import cache_tree
from infra.config import StackSettings
from infra.plan import objects, routes, zones
from infra.plan.resource import Body, Resource, resource

OWNER = "gateway.envoyproxy.io/owning-gateway-name"
"""Label by which the controller says whose pods they are."""
FIRST_NODE_PORT = 30444
"""Port of nodes that leads to the gateway of the catalog's first district, where the profile exposes them so; the second has the next."""
ENVOY = "gateway.envoyproxy.io"
HTTP = "http"


def node_port(city: City, district: str) -> int:
    """Port of nodes that leads to the gateway of ``district`` where gateways are exposed so."""
    return FIRST_NODE_PORT + [each.id for each in city.districts].index(district)


def plan(city: City, settings: StackSettings, envoy: Body, gateway: Resource) -> Iterator[Resource]:
    """One for each district with an edge and a zone. ``envoy`` is the spec of the city's EnvoyProxy, ``gateway`` its Gateway."""
    if routes.own_gateways(city, settings):
        for district in map(city.district, cache_tree.edges_in_zone(city)):
            yield from _gateway(city, settings, district, envoy, gateway)


def _gateway(
    city: City, settings: StackSettings, district: District, envoy: Body, gateway: Resource
) -> Iterator[Resource]:
    name = names.edge_namespace(district.id)
    kind = "EnvoyProxy"
    spec = _envoy(city, settings, district, envoy)
    yield resource(
        {"apiVersion": objects.ENVOY_API, "kind": kind, "metadata": objects.meta(name, names.GATEWAY), "spec": spec}
    )
    told = gateway.props
    yield resource(
        {
            "apiVersion": told["apiVersion"],
            "kind": told["kind"],
            "metadata": objects.meta(name, names.GATEWAY, annotations=told["metadata"]["annotations"]),
            "spec": {
                "gatewayClassName": told["spec"]["gatewayClassName"],
                "infrastructure": {"parametersRef": {"group": ENVOY, "kind": kind, "name": name}},
                "listeners": list(_listeners(city, settings, name, told["spec"]["listeners"])),
            },
        }
    )


def _envoy(city: City, settings: StackSettings, district: District, envoy: Body) -> Body:
    """The city's, under names of its own, in the district's zone and with an address of its own."""
    spec = copy.deepcopy(envoy)
    there = spec["provider"]["kubernetes"]
    deployment, service = there["envoyDeployment"], there["envoyService"]
    name = names.edge_namespace(district.id)
    deployment["name"] = service["name"] = f"{deployment['name']}-{name}"
    pod = deployment["pod"]
    (spread,) = pod["topologySpreadConstraints"]
    pod["topologySpreadConstraints"] = objects.apart({**spread["labelSelector"]["matchLabels"], OWNER: name})
    pod |= zones.place(district.zone, only=settings.row.edges_only_in_zone)
    # Nodes without one of its pods take nothing for it: through a node of the city bytes would cross the link after all.
    service["externalTrafficPolicy"] = "Local"
    for port in service.get("patch", {}).get("value", {}).get("spec", {}).get("ports", ()):
        port["nodePort"] = node_port(city, district.id)
    return spec


def _listeners(city: City, settings: StackSettings, name: str, city_s: list[Body]) -> Iterator[Body]:
    """HTTPS for the district's own name and its edge's routes; where an issuer makes the certificate, HTTP for its challenges."""
    host = routes.hosts(city, settings)[name]
    space = {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    (public,) = (each for each in city_s if each["name"] == routes.PUBLIC)
    https = {**public, "name": name, "hostname": host, "allowedRoutes": {"namespaces": space}}
    if not settings.cert_issuer:
        yield https
        return
    # Its own: an issuer makes one certificate of all names that one Gateway has for a Secret, and two would fight over it.
    reference = {"kind": "Secret", "name": f"{names.TLS_SECRET}-{name}"}
    yield {**https, "tls": {**https["tls"], "certificateRefs": [reference]}}
    for each in (each for each in city_s if each["name"] == HTTP):
        yield {**each, "name": f"{name}-{HTTP}", "hostname": host}
