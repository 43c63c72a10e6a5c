"""The index of lessons: its tables and rows are brought up to date at each change of the kit, and once an hour for whatever was missed."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from catalog.service import Database
from derive import database, pods, store
from derive.store import INDEXER
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.database import databases, instances, role_secret
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource, digest, resource

COMPONENT = "lesson-index"
SERVICE = names.VIDEO_LIBRARY


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """Who it is, how it signs in, the Job of this version, and the hourly one."""
    (index,) = (each for _, each in databases(city) if each.id == names.DATABASE_LESSONS)
    yield objects.service_account(COMPONENT, SERVICE)
    yield client_secret(settings, INDEXER, SERVICE)
    yield role_secret(index, names.owner_role(index.id), SERVICE, settings)
    pod = _pod(index, settings)
    template = {"metadata": {"labels": names.labels(SERVICE, COMPONENT)}, "spec": pod}
    # Named by its input: another input is another Job, the same one never runs twice.
    yield objects.job(f"{COMPONENT}-{digest([pod, instances(settings)], 8)}", SERVICE, COMPONENT, pod)
    metadata = objects.meta(COMPONENT, SERVICE, COMPONENT)
    yield resource({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": _hourly(template)})


def _hourly(template: Body) -> Body:
    return {
        "schedule": "41 * * * *",
        "concurrencyPolicy": "Forbid",
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"backoffLimit": 0, "activeDeadlineSeconds": 1800, "template": template}},
    }


def _pod(index: Database, settings: StackSettings) -> Body:
    owner = names.owner_role(index.id)
    container = {
        "name": COMPONENT,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.lesson_index", names.reader_role(index.id), names.BUCKET_LESSONS],
        "env": [*store.client_env(), *database.client_env(index.id)],
        "resources": pods.resources("50m", "256Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [store.client_mount(), database.client_mount()],
    }
    volumes = [store.client_volume(INDEXER), database.client_volume(owner)]
    return pods.pod(COMPONENT, [container], volumes, restartPolicy="OnFailure")
