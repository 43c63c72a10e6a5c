"""The front door: Envoy Gateway from its Helm chart and its listeners; the paths are in `routes`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog import City, names
from derive import access_log, pods
from infra.config import StackSettings
from infra.plan import disruption, district_gateways, objects, routes, school_listener, sign_in, upstream_tls
from infra.plan.resource import HELM_RELEASE, Body, Resource, resource
from infra.plan.routes import PUBLIC

NODE_PORT = 30443
"""Port of every node that leads to the gateway where the profile exposes it so."""
IDLE_SECONDS = 120
"""After which a request that does not move is given up: longer than the shield waits for the store."""
ENVOY_MIB, POD_MIB, CONTROLLER_MIB = 512, 576, 512
"""Most memory of Envoy, of its pod with the shutdown manager, and of a controller, MiB."""
RELEASE = "envoy-gateway"
PROXY = "envoy"
PODS: Mapping[str, str] = {
    "app.kubernetes.io/name": "envoy",
    district_gateways.OWNER: names.GATEWAY,
}
"""Labels that the controller puts on Envoy's pods."""
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": pods.UID,
    "runAsGroup": pods.UID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY = {**pods.container_security(), "runAsNonRoot": True, "runAsUser": pods.UID, "runAsGroup": pods.UID}
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Put on every answer. A page's Content-Security-Policy is the page's own business."""

HIDDEN = ("server", "x-amz-request-id", "x-amz-id-2", "x-amz-version-id", "x-amz-storage-class")
"""Taken off every answer: what stands behind the gateway is nobody's business."""


CLAIMED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix")
"""Taken off every question before anything looks at it: Envoy says from where it came, and Keycloak believes what these say."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The controller, the listener, the certificate and the routes."""
    paths = tuple(routes.plan(city, settings))
    caches = upstream_tls.plan(city, settings)
    return (*_controller(settings), *_listener(city, settings, _access_log(paths)), *caches, *paths)


def every_pod(city: City, settings: StackSettings) -> Mapping[str, str]:
    """Labels of Envoy's pods in the namespace: the city's, and those of districts' gateways."""
    any_gateway = {key: value for key, value in PODS.items() if key != district_gateways.OWNER}
    return any_gateway if routes.own_gateways(city, settings) else PODS


def problems(city: City, settings: StackSettings) -> list[str]:
    """Why the districts' gateways do not fit beside the city's: the API would refuse their pods, and `pulumi up` wait for them."""
    gateways = 1 + len(routes.own_gateways(city, settings))
    quota = city.service(names.GATEWAY).quota.memory_mib
    asked = gateways * settings.row.gateway_replicas * POD_MIB + settings.row.controller_replicas * CONTROLLER_MIB
    if gateways == 1 or not settings.row.quotas or asked <= quota:
        return []
    return [
        f"catalog: the pods of {gateways} gateways, one of them the city's, may take {asked} MiB, and the quota of {names.GATEWAY} "
        f"(memory_mib in services.yaml) is {quota}: raise it, or set districtGateways to false in huiju:overrides"
    ]


def _access_log(paths: tuple[Resource, ...]) -> Body:
    """Envoy Gateway's own default would print whole addresses, and players may carry their token in one."""
    policies = (each.props["spec"] for each in paths if each.kind == "SecurityPolicy")
    fields = access_log.envoy(access_log.version(*(json.dumps(each, sort_keys=True) for each in policies)))
    sink = {"type": "File", "file": {"path": "/dev/stdout"}}
    return {"settings": [{"format": {"type": "JSON", "json": fields}, "sinks": [sink]}]}


def _controller(settings: StackSettings) -> Iterator[Resource]:
    chart = settings.gateway_chart
    props: Body = {
        "name": RELEASE,
        "namespace": names.namespace(names.GATEWAY),
        "chart": chart,
        "values": _values(settings),
        "timeout": 300,
        # A half-installed release is taken back, so that the next run starts clean.
        "atomic": True,
    }
    if settings.gateway_chart_version:
        props["version"] = settings.gateway_chart_version
    else:
        # The module's chart carries its defaults as a template whose two placeholders are given below.
        props["valueYamlFiles"] = [f"{chart}/values.tmpl.yaml"]
    yield Resource(HELM_RELEASE, "Release", names.namespace(names.GATEWAY), RELEASE, props)


def _values(settings: StackSettings) -> Body:
    api_client = {names.LABEL_API_CLIENT: "true"}
    controller = settings.images["envoy-gateway"]
    image = {"image": controller, "pullPolicy": "IfNotPresent"}
    small = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    return {
        "global": {
            "images": {
                "envoyGateway": image,
                "envoyProxy": {"image": settings.images["envoy"]},
                # Never started, since nothing counts requests in a service of its own. The chart's default is a tag.
                "ratelimit": {"image": controller},
            }
        },
        "deployment": {
            "replicas": settings.row.controller_replicas,
            "pod": {"labels": api_client},
            "envoyGateway": {
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": f"{CONTROLLER_MIB}Mi"},
                }
            },
        },
        **({"podDisruptionBudget": disruption.ALLOWED} if settings.row.controller_replicas > 1 else {}),
        # The chart appends to this list, and the provider hands an empty one over as none at all.
        "certgen": {
            "job": {"args": ["--disable-topology-injector"], "pod": {"labels": api_client}, "resources": small}
        },
        # One zone: there is no topology to inject.
        "topologyInjector": {"enabled": False},
        "config": {
            "envoyGateway": {
                "provider": {"type": "Kubernetes", "kubernetes": {"shutdownManager": {"image": controller}}}
            }
        },
    }


def _listener(city: City, settings: StackSettings, log: Body) -> Iterator[Resource]:
    proxy = {
        "group": "gateway.envoyproxy.io",
        "kind": "EnvoyProxy",
        "name": PROXY,
        "namespace": names.namespace(names.GATEWAY),
    }
    if settings.tls_cert and settings.tls_key:
        pair = {"tls.crt": settings.tls_cert, "tls.key": settings.tls_key.get_secret_value()}
        yield objects.secret(names.TLS_SECRET, names.GATEWAY, pair, "kubernetes.io/tls")
    drain = settings.row.drain_seconds
    spec = {
        "provider": {"type": "Kubernetes", "kubernetes": _proxy(settings)},
        "telemetry": {"accessLog": log},
        "backendTLS": upstream_tls.SHOWN,
        "filterOrder": [sign_in.ORDER],
        "shutdown": {"drainTimeout": f"{drain}s", "minDrainDuration": f"{min(drain, 10)}s"},
    }
    yield _custom(objects.ENVOY_API, "EnvoyProxy", PROXY, spec)
    controller = "gateway.envoyproxy.io/gatewayclass-controller"
    yield resource(
        {
            "apiVersion": objects.GATEWAY_API,
            "kind": "GatewayClass",
            "metadata": {"name": RELEASE, "labels": names.labels(names.GATEWAY)},
            "spec": {"controllerName": controller, "parametersRef": proxy},
        }
    )
    gateway = _gateway(city, settings)
    yield gateway
    yield from district_gateways.plan(city, settings, spec, gateway)
    clients = _clients(settings, routes.own_gateways(city, settings))
    yield _custom(objects.ENVOY_API, "ClientTrafficPolicy", "clients", clients)
    yield from school_listener.plan(city, settings, clients)
    if settings.row.redirect_http:
        yield _redirect(settings)


def _proxy(settings: StackSettings) -> Body:
    """Envoy's own pods and their Service."""
    ports = {"NodePort": [{"port": 443, "nodePort": NODE_PORT, "protocol": "TCP"}]}.get(settings.row.exposure)
    service: Body = {"type": settings.row.exposure, "name": PROXY, "externalTrafficPolicy": "Cluster"}
    if ports:
        service["patch"] = _merged({"ports": ports})
    several = settings.row.gateway_replicas > 1
    return {
        **({"envoyPDB": disruption.ALLOWED} if several else {}),
        "envoyDeployment": {
            "name": PROXY,
            "replicas": settings.row.gateway_replicas,
            "container": {
                "image": settings.images["envoy"],
                "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": f"{ENVOY_MIB}Mi"}},
                "securityContext": CONTAINER_SECURITY,
            },
            "pod": {"securityContext": RESTRICTED, "topologySpreadConstraints": objects.apart(PODS)},
            "patch": _merged({"template": {"spec": _sidecar()}}),
        },
        "envoyService": service,
    }


def _sidecar() -> Body:
    """The shutdown manager writes a file when connections are drained; where it cannot, each pod takes six minutes to end."""
    manager = {
        "name": "shutdown-manager",
        "securityContext": CONTAINER_SECURITY,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": f"{POD_MIB - ENVOY_MIB}Mi"}},
        "volumeMounts": [objects.mount("tmp", objects.TMP)],
    }
    return {"containers": [manager], "volumes": [pods.scratch("tmp", "1Mi")]}


def _merged(spec: Body) -> Body:
    return {"type": "StrategicMerge", "value": {"spec": spec}}


def _listeners(city: City, settings: StackSettings) -> Iterator[Body]:
    """HTTPS for the routes of public services; HTTP, where the profile has it, for the redirect and for ACME challenges."""
    public = {"from": "Selector", "selector": {"matchLabels": {names.LABEL_PUBLIC: "true"}}}
    https = {
        "name": PUBLIC,
        "port": 443,
        "protocol": "HTTPS",
        "hostname": settings.domain,
        "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": names.TLS_SECRET}]},
        "allowedRoutes": {"namespaces": public},
    }
    yield https
    yield from school_listener.listeners(city, settings, https)
    if settings.row.redirect_http:
        http = {"port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}
        first = {"name": "http", "hostname": settings.domain, **http}
        yield first
        # For challenges too: one certificate carries both names, and is not issued while one of them cannot be shown to be ours.
        yield from school_listener.listeners(city, settings, first, "-http")


def _redirect(settings: StackSettings) -> Resource:
    """Whoever asks by HTTP is told the HTTPS address."""
    to = {"scheme": "https", "port": settings.public_port, "statusCode": 301}
    spec = {
        "parentRefs": [{"name": names.GATEWAY, "sectionName": "http"}],
        "hostnames": [settings.domain],
        "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": to}]}],
    }
    return _custom(objects.GATEWAY_API, "HTTPRoute", "redirect-to-https", spec)


def _gateway(city: City, settings: StackSettings) -> Resource:
    annotations = {
        # Programmed: Envoy's pods run and hold this configuration.
        "pulumi.com/waitFor": "condition=Programmed",
        **({"cert-manager.io/cluster-issuer": settings.cert_issuer} if settings.cert_issuer else {}),
    }
    return _custom(
        objects.GATEWAY_API,
        "Gateway",
        names.GATEWAY,
        {"gatewayClassName": RELEASE, "listeners": list(_listeners(city, settings))},
        annotations=annotations,
    )


def _clients(settings: StackSettings, districts: tuple[str, ...]) -> Body:
    """How the gateway, and those of ``districts``, treat browsers: TLS 1.2 or later, HTTP/2, headers of every answer."""
    age = settings.row.hsts_seconds
    transport = {"Strict-Transport-Security": f"max-age={age}; includeSubDomains"} if age else {}
    headers = [{"name": name, "value": value} for name, value in {**HEADERS, **transport}.items()]
    return {
        "targetRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name}
            for name in (names.GATEWAY, *districts)
        ],
        "tls": {"minVersion": "1.2", "alpnProtocols": ["h2", "http/1.1"]},
        "headers": {
            "earlyRequestHeaders": {"remove": list(CLAIMED)},
            "lateResponseHeaders": {"set": headers, "remove": list(HIDDEN)},
            # How much of a limit is left is nobody's business; whoever is refused is told when to come again.
            "disableRateLimitHeaders": True,
        },
        "path": {"escapedSlashesAction": "RejectRequest"},
        # An answer takes as long as it takes over a slow link, but not without a byte moving.
        "timeout": {"http": {"streamIdleTimeout": f"{IDLE_SECONDS}s"}},
    }


def _custom(api: str, kind: str, name: str, spec: Body, **metadata: Any) -> Resource:  # noqa: ANN401
    return resource(
        {"apiVersion": api, "kind": kind, "metadata": objects.meta(name, names.GATEWAY, **metadata), "spec": spec}
    )
