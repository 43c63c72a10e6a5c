"""The portal: static pages, the player among them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource


def plan(_city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of the portal."""
    return tuple(_portal(settings))


def _portal(settings: StackSettings) -> Iterator[Resource]:
    service = names.PORTAL
    yield objects.service_account(service, service)
    yield objects.cluster_service(service, service, service, objects.HTTP)
    yield objects.workload("Deployment", service, service, _pod(settings), None, replicas=settings.row.replicas)


def _pod(settings: StackSettings) -> Body:
    container = {
        "name": names.PORTAL,
        "image": settings.images["portal"],
        "ports": [{"name": "http", "containerPort": objects.HTTP}],
        "readinessProbe": objects.probe("/healthz", objects.HTTP, period=2),
        "livenessProbe": objects.probe("/healthz", objects.HTTP, period=20),
        "resources": pods.resources("20m", "64Mi", "500m"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount("tmp", objects.TMP)],
    }
    spread = objects.spread(names.PORTAL, names.PORTAL)
    return pods.pod(names.PORTAL, [container], [pods.scratch("tmp", "64Mi")], topologySpreadConstraints=spread)
