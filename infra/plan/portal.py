"""The portal: static pages, the player among them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import page_access, pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource

_MAPS = "/etc/pages"
"""Folder that the image's nginx takes its maps from."""


def plan(_city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of the portal."""
    return tuple(_portal(settings))


def _portal(settings: StackSettings) -> Iterator[Resource]:
    service = names.PORTAL
    yield objects.service_account(service, service)
    yield objects.cluster_service(service, service, service, objects.HTTP)
    files = {"caches.map": _elsewhere(settings)}
    yield objects.config_map(service, service, files)
    yield objects.workload("Deployment", service, service, _pod(settings), files, replicas=settings.row.replicas)


def _elsewhere(settings: StackSettings) -> str:
    """A row of nginx's map: the caches of the schools, which the player reads lessons from; empty where no school has one."""
    return f'default " {page_access.origin("*", settings.boxes_domain)}";\n' if settings.school_ca else ""


def _pod(settings: StackSettings) -> Body:
    container = {
        "name": names.PORTAL,
        "image": settings.images["portal"],
        "ports": [{"name": "http", "containerPort": objects.HTTP}],
        "readinessProbe": objects.probe("/healthz", objects.HTTP, period=2),
        "livenessProbe": objects.probe("/healthz", objects.HTTP, period=20),
        "resources": pods.resources("20m", "64Mi", "500m"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount(names.PORTAL, _MAPS, readOnly=True), objects.mount("tmp", objects.TMP)],
    }
    spread = objects.spread(names.PORTAL, names.PORTAL)
    volumes = [objects.files_of(names.PORTAL), pods.scratch("tmp", "64Mi")]
    return pods.pod(names.PORTAL, [container], volumes, topologySpreadConstraints=spread)
