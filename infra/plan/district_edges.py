"""The edges of the districts: in each a cache between the boxes of its schools and the shield, in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog import City, names
from catalog.school import District
from derive import cache_pod, cache_tree, district_edge, pods
from infra.config import StackSettings
from infra.plan import cache_pods, objects, upstream_tls, zones
from infra.plan.cache_pods import CachePod
from infra.plan.resource import Body, Resource

CONFIGURATION = "cache"
"""ConfigMap with Traffic Server's files."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Every edge."""
    parts = cache_tree.shield_parts(settings.row.replicas)
    files = district_edge.files(city, parts, settings.row.edge_cache_size_gib)
    districts = map(city.district, cache_tree.edges(city))
    return tuple(each for district in districts for each in _edge(district, settings, files))


def _edge(district: District, settings: StackSettings, files: Mapping[str, str]) -> Iterator[Resource]:
    name, service = names.DISTRICT_EDGE, names.edge_namespace(district.id)
    tls = upstream_tls.certificates(settings).of_edge(district.id)
    yield objects.service_account(name, service)
    yield objects.config_map(CONFIGURATION, service, cache_pods.entries(files))
    yield objects.secret(names.CACHE_TLS_SECRET, service, tls)
    yield objects.cluster_service(name, service, name, {"lessons": district_edge.PORT})
    pod = {**_pod(service, settings, files), **zones.place(district.zone, only=settings.row.edges_only_in_zone)}
    more: Body = {"replicas": settings.row.replicas, **cache_pods.REPLACED}
    yield objects.workload("Deployment", name, service, pod, [files, tls], **more)


def _pod(service: str, settings: StackSettings, files: Mapping[str, str]) -> Body:
    return cache_pods.pod(
        CachePod(
            name=names.DISTRICT_EDGE,
            service=service,
            image=settings.images["trafficserver"],
            config=CONFIGURATION,
            files=files,
            ports={"lessons": district_edge.PORT},
            secrets={names.CACHE_TLS_SECRET: cache_pod.TLS},
            cache_gib=settings.row.edge_cache_size_gib,
            resources=pods.resources("20m", "384Mi", "2"),
        )
    )
