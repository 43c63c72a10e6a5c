"""Monitoring: Prometheus, Alertmanager, the prober and the coverage exporter, each from what is derived and what the stack says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from catalog import City, names
from derive import cache_pod, cache_tree, database, pods
from derive.store import LOG_READER
from infra.config import StackSettings
from infra.plan import derived, gateway, monitoring_alerts, monitoring_targets, objects, ports, viewer
from infra.plan.monitoring_pods import Piece, workload
from infra.plan.monitoring_targets import PODS, TOKEN
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource, resource
from infra.plan.tenancy import rule

SURFACE = "monitoring"
RULES, FACTS, ROUTES = "rules/", "exporter.json", "routes.json"
"""Derived files: rule files below a folder, the exporter's facts, Alertmanager's routes."""
TRUST = "trust.pem"
FULL = 0.8
"""Share of its volume that Prometheus fills before it drops its oldest blocks; the rest is for the newest and for compaction."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of monitoring but the log collector."""
    files = derived.files(SURFACE, city, settings)
    return (
        *_prometheus(city, settings, files),
        *_alertmanager(settings, files),
        *_blackbox(city, settings),
        *_exporter(city, settings, files),
        *viewer.plan(settings, files),
        *_pod_addresses(city, settings),
        # For operators who look for a line of the past (`huiju logs`).
        client_secret(settings, LOG_READER, names.MONITORING),
    )


def _prometheus(city: City, settings: StackSettings, files: Mapping[str, str]) -> Iterator[Resource]:
    name = names.PROMETHEUS
    rules = {path.removeprefix(RULES): text for path, text in files.items() if path.startswith(RULES)}
    configuration = json.dumps(monitoring_targets.prometheus(city, settings, "/etc/rules"), indent=1)
    yield from _node_reader(name)
    yield objects.config_map(name, names.MONITORING, {"prometheus.json": configuration})
    yield objects.config_map("rules", names.MONITORING, rules)
    yield objects.claim(name, names.MONITORING, settings.row.metrics_size_gib, settings.storage_class)
    piece = Piece(
        name,
        ports.PROMETHEUS,
        "/-/ready",
        pods.resources("100m", f"{settings.row.metrics_memory_mib}Mi", "2"),
        arguments=(
            "--config.file=/etc/prometheus/prometheus.json",
            "--storage.tsdb.path=/data",
            f"--storage.tsdb.retention.time={city.coverage.metrics_days}d",
            f"--storage.tsdb.retention.size={int(settings.row.metrics_size_gib * FULL * 1024)}MB",
            "--web.enable-remote-write-receiver",
            "--query.timeout=30s",
            "--query.max-concurrency=8",
        ),
        volumes={
            "/etc/prometheus": objects.files_of(name, "configuration"),
            "/etc/rules": objects.files_of("rules"),
            "/data": _data(name),
            TOKEN: _api_token(),
        },
        labels={names.LABEL_API_CLIENT: "true"},
    )
    yield from workload(settings, "StatefulSet", piece, [configuration, rules])


def _node_reader(account: str) -> Iterator[Resource]:
    """Usage of volumes and disks is the kubelet's to tell; nothing else of the API may be asked."""
    name = f"{names.MANAGED_BY}-{names.MONITORING}-nodes"
    meta = {"name": name, "labels": names.labels(names.MONITORING)}
    allowed = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
    ]
    api = "rbac.authorization.k8s.io"
    yield resource({"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": meta, "rules": allowed})
    yield resource(
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": names.namespace(names.MONITORING)}],
        }
    )


def _api_token() -> Body:
    """A short-lived token of this pod alone, where client libraries look for it."""
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": "api", "projected": {"sources": sources, "defaultMode": 0o440}}


def _alertmanager(settings: StackSettings, files: Mapping[str, str]) -> Iterator[Resource]:
    name, configuration = names.ALERTMANAGER, monitoring_alerts.configuration(settings, files[ROUTES])
    # Addresses may hold a token, and the mail server's password is in it.
    yield objects.secret(name, names.MONITORING, {"alertmanager.json": configuration})
    yield objects.claim(name, names.MONITORING, 1, settings.storage_class)
    piece = Piece(
        name,
        ports.ALERTMANAGER,
        "/-/ready",
        pods.resources("20m", "64Mi", "500m"),
        arguments=(
            "--config.file=/etc/alertmanager/alertmanager.json",
            "--storage.path=/data",
            "--cluster.listen-address=",
        ),
        volumes={"/etc/alertmanager": pods.secret_files("configuration", name), "/data": _data(name)},
    )
    yield from workload(settings, "StatefulSet", piece, configuration)
    leaving = monitoring_alerts.receiver_ports(settings)
    if leaving:
        selector = {"matchLabels": names.selector(names.MONITORING, name)}
        spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": [rule("to", [], leaving)]}
        yield _policy("alert-receivers", spec)


def _policy(name: str, spec: Body) -> Resource:
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": objects.meta(name, names.MONITORING),
    }
    return resource({**body, "spec": spec})


def _blackbox(city: City, settings: StackSettings) -> Iterator[Resource]:
    name, folder = names.BLACKBOX, "/etc/blackbox"
    # No authority of this stack's own is in the system's list: the named one counts, else the served chain is its own anchor.
    anchor = settings.platform_ca or settings.tls_cert
    trust = {TRUST: anchor} if anchor else {}
    probes = monitoring_targets.blackbox(city, settings, f"{folder}/{TRUST}" if trust else "")
    files = {"blackbox.json": json.dumps(probes, indent=1), **trust}
    yield objects.config_map(name, names.MONITORING, files)
    piece = Piece(
        name,
        ports.BLACKBOX,
        "/-/healthy",
        pods.resources("20m", "48Mi", "500m"),
        arguments=(f"--config.file={folder}/blackbox.json",),
        volumes={folder: objects.files_of(name, "configuration")},
    )
    yield from workload(settings, "Deployment", piece, files)


def _exporter(city: City, settings: StackSettings, files: Mapping[str, str]) -> Iterator[Resource]:
    name, folder = names.EXPORTER, "/etc/exporter"
    yield objects.config_map(name, names.MONITORING, {FACTS: files[FACTS]})
    piece = Piece(
        name,
        objects.HTTP,
        "/healthz",
        pods.resources("50m", "160Mi", "1"),
        image="kit",
        command=(
            *("python3", "-m", "monitoring.exporter", f"{folder}/{FACTS}"),
            *("--prometheus", f"http://{names.PROMETHEUS}:{ports.PROMETHEUS}"),
            *("--shield", _stats(names.SHIELD, names.VIDEO_LIBRARY)),
            *(f"--edge={district}={_edge_stats(district)}" for district in cache_tree.edges(city)),
        ),
        volumes={folder: objects.files_of(name, "facts")},
    )
    yield from workload(settings, "Deployment", piece, files[FACTS])


def _stats(name: str, service: str) -> str:
    """Address of the counters of a cache's pods."""
    host = f"{name}-{PODS}.{names.namespace(service)}.svc.cluster.local"
    return f"http://{host}:{cache_pod.FIGURES_PORT}{cache_pod.STATS}"


def _edge_stats(district: str) -> str:
    return _stats(names.DISTRICT_EDGE, names.edge_namespace(district))


def _pod_addresses(city: City, settings: StackSettings) -> Iterator[Resource]:
    """Headless Services: the addresses of every pod of a part that counts for itself."""
    yield _headless(gateway.PROXY, names.GATEWAY, gateway.every_pod(city, settings), ports.ENVOY_METRICS)
    instances = {"cnpg.io/cluster": names.POSTGRES, "cnpg.io/podRole": "instance"}
    yield _headless(names.POSTGRES, names.DATABASE, instances, database.METRICS_PORT)
    yield _headless(names.INTAKE, names.SCHOOL_EDGE, names.selector(names.SCHOOL_EDGE, names.INTAKE), ports.FIGURES)
    shield = names.selector(names.VIDEO_LIBRARY, names.SHIELD)
    yield _headless(names.SHIELD, names.VIDEO_LIBRARY, shield, cache_pod.FIGURES_PORT)
    for space in map(names.edge_namespace, cache_tree.edges(city)):
        edge = names.selector(space, names.DISTRICT_EDGE)
        yield _headless(names.DISTRICT_EDGE, space, edge, cache_pod.FIGURES_PORT)
    entitlement = names.selector(names.ENTITLEMENT, names.ENTITLEMENT)
    # A pod without rules is not ready, and that is what it has to be asked for.
    yield _headless(names.ENTITLEMENT, names.ENTITLEMENT, entitlement, objects.HTTP, publishNotReadyAddresses=True)


def _headless(name: str, service: str, selector: Mapping[str, str], port: int, **more: bool) -> Resource:
    spec = {
        **more,
        "clusterIP": "None",
        "selector": dict(selector),
        "ports": [{"name": "metrics", "port": port, "targetPort": port, "protocol": "TCP"}],
    }
    # A Service without pods is no fault here: they come with another part of the plan.
    meta = objects.meta(f"{name}-{PODS}", service, name, annotations={"pulumi.com/skipAwait": "true"})
    return resource({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})


def _data(claim: str) -> Body:
    return {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
