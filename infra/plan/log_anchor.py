"""The hourly Job that puts digests of the kept logs on the audit record, with an account that can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from derive import pods, store
from derive.store import LOG_ANCHOR
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.object_store import client_secret
from infra.plan.resource import Body, Resource, resource

COMPONENT = LOG_ANCHOR
SERVICE = names.ENTITLEMENT


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """Who it is, how it signs in, and when it runs."""
    yield objects.service_account(COMPONENT, SERVICE)
    yield client_secret(settings, LOG_ANCHOR, SERVICE)
    template = {"metadata": {"labels": names.labels(SERVICE, COMPONENT)}, "spec": _pod(city, settings)}
    spec: Body = {
        # Minutes after the hour: what the collector began to write in it is there, also by a clock that is a little slow.
        "schedule": "7 * * * *",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 1800,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"backoffLimit": 2, "activeDeadlineSeconds": 1800, "template": template}},
    }
    metadata = objects.meta(COMPONENT, SERVICE, COMPONENT)
    yield resource({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec})


def _pod(city: City, settings: StackSettings) -> Body:
    (audit,) = (each for each in city.service(SERVICE).buckets if each.id == names.BUCKET_AUDIT)
    own = {
        "LOGS_BUCKET": names.BUCKET_LOGS,
        "ACCESS_LOGS_BUCKET": names.BUCKET_ACCESS_LOGS,
        "AUDIT_BUCKET": audit.id,
        "AUDIT_LOCKED_DAYS": str(audit.locked_days),
    }
    container = {
        "name": COMPONENT,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.entitlement.log_anchor"],
        "env": [*store.client_env(), *objects.env(own)],
        "resources": pods.resources("50m", "192Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [store.client_mount()],
    }
    return pods.pod(COMPONENT, [container], [store.client_volume(LOG_ANCHOR)], restartPolicy="OnFailure")
