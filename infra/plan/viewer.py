"""The dashboards' pages: static, with the dashboards of the city mounted into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog import names
from derive import pods
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource

FOLDER = "dashboards/viewer/"
"""Where monitoring's derived files hold the viewer's form."""
DASHBOARDS = "dashboards"
PLACE = f"/srv/pages/monitoring/{DASHBOARDS}"
"""Where the image's pages look for them."""


def plan(settings: StackSettings, derived: Mapping[str, str]) -> Iterator[Resource]:
    """Everything of the viewer; ``derived`` is monitoring's files by path."""
    service, name = names.MONITORING, names.VIEWER
    files = {path.removeprefix(FOLDER): text for path, text in derived.items() if path.startswith(FOLDER)}
    yield objects.service_account(name, service)
    yield objects.cluster_service(name, service, name, objects.HTTP)
    yield objects.config_map(DASHBOARDS, service, files)
    # The kubelet brings changed files into running pods by itself, and the page asks for them anew each time.
    yield objects.workload("Deployment", name, service, _pod(settings), None, replicas=settings.row.replicas)


def _pod(settings: StackSettings) -> Body:
    name = names.VIEWER
    container = {
        "name": name,
        "image": settings.images[name],
        "ports": [{"name": "http", "containerPort": objects.HTTP}],
        "readinessProbe": objects.probe("/healthz", objects.HTTP, period=2),
        "livenessProbe": objects.probe("/healthz", objects.HTTP, period=20),
        "resources": pods.resources("10m", "32Mi", "500m"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount("tmp", objects.TMP), objects.mount(DASHBOARDS, PLACE, readOnly=True)],
    }
    volumes = [pods.scratch("tmp", "16Mi"), objects.files_of(DASHBOARDS)]
    spread = objects.spread(names.MONITORING, name)
    return pods.pod(name, [container], volumes, topologySpreadConstraints=spread)
