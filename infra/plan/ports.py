"""Ports on which the services listen, as NetworkPolicies must name them (the pod's port, not the Service's)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from catalog import names
from derive import cache_pod, database, district_edge, identity, shield
from derive.tenants import service_of
from infra.plan.objects import HTTP

STORE = 7070
"""The object store's S3 port."""
PROMETHEUS, ALERTMANAGER, BLACKBOX = 9090, 9093, 9115
COLLECTOR_METRICS = 8888
"""The log collector's own counters."""
ENVOY_METRICS = 19001
"""Envoy's counters, where Envoy Gateway opens them."""
OPERATOR_METRICS = 8080
"""The database operator's own counters."""
KUBELET = 10250
"""Of every node: usage of volumes and disks."""
FIGURES = 8081
"""Where the school edge's parts show their health and figures, apart from the port that the gateway leads to."""
PORTS: Mapping[str, tuple[int, ...]] = {
    names.OBJECT_STORE: (STORE,),
    names.VIDEO_LIBRARY: (cache_pod.FIGURES_PORT,),
    names.PORTAL: (HTTP,),
    names.DATABASE: (database.PORT,),
    names.MONITORING: (PROMETHEUS, HTTP),
    names.LOG_COLLECTOR: (COLLECTOR_METRICS,),
    names.SCHOOL_EDGE: (FIGURES,),
    names.DISTRICT_EDGE: (cache_pod.FIGURES_PORT,),
    names.ENTITLEMENT: (HTTP,),
    names.IDENTITY: (identity.PORT,),
}
"""Service -> ports that others may reach. A service that is not here may be reached on any of its ports."""
PAIRS: Mapping[tuple[str, str], tuple[int, ...]] = {
    # Caches answer by certificates besides; who has none does not even reach the ports where lessons are.
    (names.GATEWAY, names.VIDEO_LIBRARY): (shield.PORT, shield.VIEWERS_PORT),
    (names.GATEWAY, names.DISTRICT_EDGE): (district_edge.PORT,),
    (names.DISTRICT_EDGE, names.VIDEO_LIBRARY): (shield.PORT,),
    # Whoever else reached it could claim to be a school's box: the gateway is who verifies that.
    (names.GATEWAY, names.SCHOOL_EDGE): (HTTP,),
    (names.SCHOOL_EDGE, names.MONITORING): (PROMETHEUS,),
    (names.MONITORING, names.IDENTITY): (identity.FIGURES_PORT,),
    (names.MONITORING, names.DATABASE): (database.METRICS_PORT, OPERATOR_METRICS),
}
"""(From, to) -> ports, where one service may reach others of another's ports than the rest."""
GATEWAY_PORTS = (10443, 10080)
"""Where Envoy listens for 443 and 80: Envoy Gateway adds 10,000 to privileged ports."""
API_PORTS = (443, 6443)
"""The Kubernetes API, before and after its Service's address is translated."""
API_CLIENTS: Mapping[str, tuple[int, ...]] = {
    names.GATEWAY: API_PORTS,
    names.DATABASE: API_PORTS,
    names.MONITORING: (*API_PORTS, KUBELET),
}
"""Services some of whose pods (labelled) talk to the Kubernetes API, and to which ports of it or of nodes."""
DNS_PORTS = [{"protocol": protocol, "port": port} for port in (53, 1053) for protocol in ("UDP", "TCP")]
"""Cluster DNS; 1053 where CoreDNS runs without the right to bind 53."""


def endpoint_port(endpoint: str) -> int:
    """The port of an S3 endpoint outside the cluster, spelt or implied by its scheme."""
    parts = urlsplit(endpoint)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def opened(origin: str, target: str) -> tuple[int, ...]:
    """Ports of the namespace ``target`` that the namespace ``origin`` may reach; empty for any."""
    pair = (service_of(origin), service_of(target))
    return PAIRS.get(pair) or PORTS.get(pair[1], ())
