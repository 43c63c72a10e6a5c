"""The school edge: the intake of readings, and the rows of the schools that may send some."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from catalog import City, names
from catalog.errors import UserError
from derive import pods
from infra.config import StackSettings
from infra.plan import objects, ports, schools
from infra.plan.resource import Body, Resource

SCHOOLS, SETTINGS = "schools", "intake"
"""ConfigMaps: a row for each school, and what the intake is told besides."""
MOUNT = "/etc/intake"
LARGEST = 1_000_000
"""Bytes of a ConfigMap: Kubernetes takes 1 MiB of an object in all."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """Everything of the school edge."""
    return tuple(_intake(city, settings))


def _intake(city: City, settings: StackSettings) -> Iterator[Resource]:
    service, name = names.SCHOOL_EDGE, names.INTAKE
    rows, told = {"schools.json": _rows(city)}, {"intake.json": json.dumps(_told(), indent=1)}
    yield objects.service_account(name, service)
    yield objects.config_map(SCHOOLS, service, rows)
    yield objects.config_map(SETTINGS, service, told)
    yield objects.cluster_service(name, service, name, {"http": objects.HTTP, "metrics": ports.FIGURES})
    yield objects.workload("Deployment", name, service, _pod(settings), [rows, told], replicas=settings.row.replicas)


def _rows(city: City) -> str:
    text = schools.document(city)
    if len(text.encode()) > LARGEST:
        raise UserError(
            f"the rows of {len(city.schools)} schools take {len(text.encode()):,} bytes; a ConfigMap holds {LARGEST:,}: "
            "shorten the ids of districts and waves, or split the city over two platforms"
        )
    return text


def _told() -> Mapping[str, object]:
    monitoring = names.namespace(names.MONITORING)
    return {
        "upstream": f"http://{names.PROMETHEUS}.{monitoring}.svc.cluster.local:{ports.PROMETHEUS}/api/v1/write",
        "job": names.BOX_JOB,
        "metrics": names.BOX_METRICS,
        "families": names.BOX_FAMILIES,
    }


def _pod(settings: StackSettings) -> Body:
    container = {
        "name": names.INTAKE,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.intake"],
        "env": objects.env(
            {"INTAKE_SETTINGS": MOUNT, "INTAKE_PORT": str(objects.HTTP), "INTAKE_OWN_PORT": str(ports.FIGURES)}
        ),
        "ports": [
            {"name": "http", "containerPort": objects.HTTP},
            {"name": "metrics", "containerPort": ports.FIGURES},
        ],
        "readinessProbe": objects.probe("/healthz", ports.FIGURES, period=2),
        "livenessProbe": objects.probe("/healthz", ports.FIGURES, period=20),
        # 32 bodies of 2 MiB and one unpacked one; 8 MiB of the worst content take 136 MiB (measured 2026-11-24).
        "resources": pods.resources("50m", "320Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount("settings", MOUNT, readOnly=True)],
    }
    sources = [{"configMap": {"name": name}} for name in (SCHOOLS, SETTINGS)]
    volumes: list[Body] = [{"name": "settings", "projected": {"sources": sources}}]
    spread = objects.spread(names.SCHOOL_EDGE, names.INTAKE)
    return pods.pod(names.INTAKE, [container], volumes, topologySpreadConstraints=spread)
