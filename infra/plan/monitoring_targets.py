"""What Prometheus asks and how: scrape jobs and probes, from the plan and the stack's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog import City, names
from derive import database, identity
from infra.config import StackSettings
from infra.plan import gateway, ports, routes
from infra.plan.objects import HTTP
from infra.plan.resource import Body

SECONDS = 30
"""Between two questions to one target."""
PROBE_SECONDS = 15
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a path
PODS = "pods"
"""Suffix of headless Services: one address per pod."""


@dataclass(frozen=True)
class Target:
    """A part with counters of its own: every address of ``host`` in the namespace of ``service``."""

    job: str
    service: str
    host: str
    port: int
    path: str = "/metrics"
    keep: str = ""
    """Names of the metrics that are kept, as a regular expression; empty for all."""


TARGETS: tuple[Target, ...] = (
    Target(names.PROMETHEUS, names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS),
    Target(names.ALERTMANAGER, names.MONITORING, names.ALERTMANAGER, ports.ALERTMANAGER),
    Target(names.BLACKBOX, names.MONITORING, names.BLACKBOX, ports.BLACKBOX),
    Target(names.EXPORTER, names.MONITORING, names.EXPORTER, HTTP),
    Target(
        names.POSTGRES,
        names.DATABASE,
        f"{names.POSTGRES}-{PODS}",
        database.METRICS_PORT,
        keep=(
            "cnpg_collector_(up|nodes_used|fencing_on)|cnpg_backends_(total|waiting_total)|cnpg_pg_database_(size_bytes|xid_age)"
            "|cnpg_pg_replication_(lag|streaming_replicas)|cnpg_pg_stat_archiver_(archived_count|failed_count|seconds_since_last_archival)"
            "|barman_cloud_cloudnative_pg_io_.*"
        ),
    ),
    Target(names.ENTITLEMENT, names.ENTITLEMENT, f"{names.ENTITLEMENT}-{PODS}", HTTP),
    Target(names.INTAKE, names.SCHOOL_EDGE, f"{names.INTAKE}-{PODS}", ports.FIGURES, keep="city_intake_.*"),
    Target(
        names.IDENTITY,
        names.IDENTITY,
        f"{names.IDENTITY}-{PODS}",
        identity.FIGURES_PORT,
        keep="keycloak_.*|http_server_requests_seconds_(count|sum)|jvm_memory_used_bytes|agroal_(active|awaiting)_count",
    ),
    Target(names.LOG_COLLECTOR, names.LOG_COLLECTOR, names.LOG_COLLECTOR, ports.COLLECTOR_METRICS),
    Target(
        gateway.PROXY,
        names.GATEWAY,
        f"{gateway.PROXY}-{PODS}",
        ports.ENVOY_METRICS,
        "/stats/prometheus",
        keep="envoy_http_downstream_(rq_xx|rq_total|rq_time.*|cx_active)|envoy_cluster_upstream_rq_(xx|time.*|total)|envoy_server_(live|uptime)|envoy_http_local_rate_limit_rate_limited",
    ),
)
"""Every part of the platform that counts; a new one is a row here, and a `reaches` in the catalog."""
KUBELET_KEEP = "kubelet_volume_stats_(capacity|available|used|inodes|inodes_free)(_bytes)?"
CADVISOR_KEEP = "container_fs_(usage|limit)_bytes"
"""Of the node's disks; a volume's own figures are the kubelet's."""

EXPECTED: Mapping[str, Body] = {
    "/": {"valid_status_codes": [200], "fail_if_body_not_matches_regexp": ["<html"]},
    # 404 until the first lesson is published; but it must be the shield's.
    f"/{names.BUCKET_LESSONS}/": {
        "valid_status_codes": [200, 404],
        "fail_if_header_not_matches": [{"header": "Via", "regexp": names.SHIELD}],
    },
}
"""Public path prefix -> what a right answer is; for any other: any answer but a server's error."""
PROBED: Mapping[str, str] = {f"/{names.BUCKET_LESSONS}/": f"/{names.BUCKET_LESSONS}/index.json"}
"""Prefix -> the path that is asked for, where it is not the prefix."""
ANY = {"valid_status_codes": [200, 204, 301, 302, 400, 401, 403, 404, 405]}


def prometheus(city: City, settings: StackSettings, rules: str) -> Body:
    """Prometheus' configuration; ``rules`` is the folder of its rule files."""
    managers = [{"static_configs": [{"targets": [f"{names.ALERTMANAGER}:{ports.ALERTMANAGER}"]}]}]
    return {
        "global": {
            "scrape_interval": f"{SECONDS}s",
            "evaluation_interval": f"{SECONDS}s",
            "external_labels": {"city": city.id},
        },
        "storage": {"tsdb": {"out_of_order_time_window": f"{city.coverage.late_days}d"}},
        "rule_files": [f"{rules}/*.yaml"],
        "alerting": {"alertmanagers": managers},
        "scrape_configs": [*_jobs(), *_probes(city, settings), *_nodes(settings)],
    }


def _jobs() -> Iterator[Body]:
    for target in TARGETS:
        host = f"{target.host}.{names.namespace(target.service)}.svc.cluster.local"
        yield {
            "job_name": target.job,
            "metrics_path": target.path,
            "dns_sd_configs": [{"names": [host], "type": "A", "port": target.port}],
            **_keep(target.keep),
        }


def _keep(metrics: str) -> Body:
    rule = {"source_labels": ["__name__"], "regex": metrics, "action": "keep"}
    return {"metric_relabel_configs": [rule]} if metrics else {}


def _nodes(settings: StackSettings) -> Iterator[Body]:
    trust: Body = {"ca_file": f"{TOKEN}/ca.crt"} if settings.kubelet_tls else {"insecure_skip_verify": True}
    for job, path, keep in (("kubelet", "/metrics", KUBELET_KEEP), ("cadvisor", "/metrics/cadvisor", CADVISOR_KEEP)):
        yield {
            "job_name": job,
            "scheme": "https",
            "metrics_path": path,
            "kubernetes_sd_configs": [{"role": "node"}],
            "authorization": {"credentials_file": f"{TOKEN}/token"},
            "tls_config": trust,
            "relabel_configs": [{"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"}],
            **_keep(keep),
        }


def front(city: City) -> tuple[routes.Route, ...]:
    """Routes that the gateway has for browsers."""
    public = {service.id for service in city.services if service.public}
    return tuple(each for each in routes.ROUTES if each.service in public and each.listener == routes.PUBLIC)


def _probes(city: City, settings: StackSettings) -> Iterator[Body]:
    door = f"https://{gateway.PROXY}.{names.namespace(names.GATEWAY)}.svc.cluster.local"
    for route in front(city):
        path = PROBED.get(route.path, route.path)
        labels = {"job": names.FRONT_DOOR, names.NEEDED_FOR: route.needed_for}
        yield _probe(labels, module(route), door + path, settings.public_url + path)
    if settings.store_endpoint is None:
        store = f"http://{names.OBJECT_STORE}.{names.namespace(names.OBJECT_STORE)}.svc.cluster.local:{ports.STORE}"
        yield _probe({"job": names.OBJECT_STORE}, "inside", f"{store}/healthz", names.OBJECT_STORE)


def _probe(labels: Mapping[str, str], name: str, url: str, instance: str) -> Body:
    """One probe; its scrape job's name is its own, apart from the label `job`."""
    return {
        "job_name": f"{labels['job']}-{name}",
        "scrape_interval": f"{PROBE_SECONDS}s",
        "metrics_path": "/probe",
        "params": {"module": [name], "target": [url]},
        "static_configs": [{"targets": [f"{names.BLACKBOX}:{ports.BLACKBOX}"], "labels": dict(labels)}],
        "relabel_configs": [{"target_label": "instance", "replacement": instance}],
    }


def module(route: routes.Route) -> str:
    """Name of the prober's module for a public route."""
    return f"front-{route.name}"


def blackbox(city: City, settings: StackSettings, trust: str) -> Body:
    """The prober's configuration; ``trust`` is the file with the authorities, empty for the system's."""
    tls = {"server_name": settings.domain, **({"ca_file": trust} if trust else {})}
    common = {
        "preferred_ip_protocol": "ip4",
        "headers": {"Host": settings.domain, "User-Agent": "huiju-blackbox"},
        "fail_if_not_ssl": True,
        "tls_config": tls,
    }
    fronts = {module(route): {**common, **EXPECTED.get(route.path, ANY)} for route in front(city)}
    inside: Body = {"preferred_ip_protocol": "ip4"}
    return {
        "modules": {
            name: {"prober": "http", "timeout": "8s", "http": http}
            for name, http in {**fronts, "inside": inside}.items()
        }
    }
