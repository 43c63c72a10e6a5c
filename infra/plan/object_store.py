"""The object store: versitygw on a volume with one account per task, or any S3 endpoint; its buckets and their terms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from catalog import City, names
from catalog.service import Bucket
from derive import pods, store
from derive.store import ADMIN, EXPIRY, Right
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.accounts import accounts, buckets, endpoint, has_admin, keys
from infra.plan.ports import STORE
from infra.plan.resource import Body, Resource, digest, resource

SCRIPTS = Path(__file__).resolve().parents[2] / "services" / "store"
SETUP, IAM = "store-setup", "object-store-accounts"
ACTIONS: dict[Right, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # right: actions on the bucket, actions on its objects
    Right.READ: ((), ("s3:GetObject",)),
    Right.WRITE: ((), ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")),
    Right.LIST: (("s3:ListBucket", "s3:ListBucketMultipartUploads"), ()),
    Right.DELETE: ((), ("s3:DeleteObject",)),
    Right.PURGE: (("s3:ListBucketVersions",), ("s3:DeleteObjectVersion",)),
    Right.LOCK: ((), ("s3:PutObjectRetention",)),
    Right.HISTORY: (("s3:ListBucketVersions",), ("s3:GetObjectVersion",)),
}


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The store where it is ours, and what is set up in it either way."""
    own = _server(city, settings) if settings.store_endpoint is None else ()
    return (*own, *_tasks(city, settings))


def _server(city: City, settings: StackSettings) -> Iterator[Resource]:
    service = names.OBJECT_STORE
    admin = keys(settings, ADMIN)
    users = {
        "accessAccounts": {
            key.access: {
                "access": key.access,
                "secret": key.secret,
                "role": "user",
                "userID": 0,
                "groupID": 0,
                "projectID": 0,
            }
            for key in (keys(settings, account.name) for account in accounts(city))
        }
    }
    root = {"ROOT_ACCESS_KEY": admin.access, "ROOT_SECRET_KEY": admin.secret}
    yield objects.service_account(service, service)
    yield objects.secret(names.STORE_ADMIN_SECRET, service, root)
    yield objects.secret(IAM, service, {"users.json": json.dumps(users, sort_keys=True)})
    yield objects.claim("objects", service, settings.row.store_size_gib, settings.storage_class)
    yield objects.cluster_service(service, service, service, STORE)
    yield objects.workload(
        "StatefulSet", service, service, _server_pod(settings), [root, users], serviceName=service, replicas=1
    )


def _server_pod(settings: StackSettings) -> Body:
    container = {
        "name": names.OBJECT_STORE,
        "image": settings.images["versitygw"],
        "args": [
            *("--port", f":{STORE}", "--health", "/healthz", "--region", settings.store_region),
            # Accounts come from a mounted Secret: there is nothing that could change them at run time.
            *("--iam-dir", "/accounts", "--disable-acl", "--keep-alive", "--quiet"),
            *("posix", "--versioning-dir", "/data/versions", "/data/objects"),
        ],
        "envFrom": [{"secretRef": {"name": names.STORE_ADMIN_SECRET}}],
        "ports": [{"name": "http", "containerPort": STORE}],
        "readinessProbe": objects.probe("/healthz", STORE, period=2),
        "livenessProbe": objects.probe("/healthz", STORE, period=20),
        "resources": pods.resources("100m", "512Mi", "2"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            objects.mount("objects", "/data"),
            objects.mount("accounts", "/accounts", readOnly=True),
            objects.mount("tmp", objects.TMP),
        ],
    }
    volumes = [
        {"name": "objects", "persistentVolumeClaim": {"claimName": "objects"}},
        pods.secret_files("accounts", IAM),
        pods.scratch("tmp", "1Gi"),
    ]
    folders = {
        # The server's image has no shell, and a `subPath` would belong to root.
        "name": "folders",
        "image": settings.images["media-tools"],
        "command": ["mkdir", "-p", "/data/objects", "/data/versions"],
        "resources": pods.resources("50m", "64Mi"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount("objects", "/data")],
    }
    return pods.pod(
        names.OBJECT_STORE, [container], volumes, initContainers=[folders], terminationGracePeriodSeconds=30
    )


def _tasks(city: City, settings: StackSettings) -> Iterator[Resource]:
    """The set-up Job and the expiry CronJob, with their accounts."""
    service, scripts = (
        names.OBJECT_STORE,
        {f"{name}.py": (SCRIPTS / f"{name}.py").read_text() for name in ("apply", "expire")},
    )
    desired = {"buckets": [_bucket(city, settings, bucket) for _, bucket in buckets(city)]}
    terms = {
        "terms": [
            {"bucket": b.id, "days": b.expire_days, "versioned": b.versioned} for _, b in buckets(city) if b.expire_days
        ]
    }
    files = {**scripts, "desired.json": _pretty(desired), "terms.json": _pretty(terms)}
    yield objects.service_account(SETUP, service)
    yield objects.config_map(SETUP, service, files)
    if has_admin(settings):
        yield client_secret(settings, ADMIN, service)
        pod = _task_pod(settings, "apply.py", "desired.json", ADMIN)
        # Named by its input: another input is another Job, the same one never runs twice.
        name = f"{SETUP}-{digest([files, pod], 8)}"
        yield objects.job(name, service, SETUP, pod)
    if terms["terms"]:
        yield client_secret(settings, EXPIRY, service)
        yield _expiry(city, _task_pod(settings, "expire.py", "terms.json", EXPIRY))


def client_secret(settings: StackSettings, account: str, service: str, **more: str) -> Resource:
    """The Secret by which pods of ``service`` sign in as ``account``; ``more`` adds entries."""
    key = keys(settings, account)
    files = store.client_files(key.access, key.secret, endpoint(settings), settings.store_region)
    return objects.secret(store.secret(account), service, {**files, **more})


def _bucket(city: City, settings: StackSettings, bucket: Bucket) -> Body:
    policy = _policy(city, settings, bucket.id)
    return {"name": bucket.id, "versioned": bucket.versioned, "locked_days": bucket.locked_days, "policy": policy}


def _policy(city: City, settings: StackSettings, bucket: str) -> Body | None:
    """Statements of every account with rights in ``bucket``; what is not here is denied."""
    statements = []
    for account in accounts(city):
        rights = account.rights.get(bucket, ())
        for place, resource_name in ((0, f"arn:aws:s3:::{bucket}"), (1, f"arn:aws:s3:::{bucket}/*")):
            actions = [action for right in rights for action in ACTIONS[right][place]]
            if actions:
                principal = {"AWS": [keys(settings, account.name).principal]}
                statements.append(
                    {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": [resource_name]}
                )
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _task_pod(settings: StackSettings, script: str, argument: str, account: str) -> Body:
    container = {
        "name": SETUP,
        "image": settings.images["media-tools"],
        "command": ["python3", f"/scripts/{script}", f"/scripts/{argument}"],
        "env": store.client_env(),
        "resources": pods.resources("50m", "128Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [store.client_mount(), objects.mount("scripts", "/scripts", readOnly=True)],
    }
    volumes = [store.client_volume(account), objects.files_of(SETUP, "scripts")]
    return pods.pod(SETUP, [container], volumes, restartPolicy="OnFailure")


def _expiry(city: City, pod: Body) -> Resource:
    template = {"metadata": {"labels": names.labels(names.OBJECT_STORE, EXPIRY)}, "spec": pod}
    spec = {
        # At night by the city's clock, when nobody uploads.
        "schedule": "17 3 * * *",
        "timeZone": city.timezone,
        "concurrencyPolicy": "Forbid",
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 2,
        "jobTemplate": {"spec": {"backoffLimit": 2, "activeDeadlineSeconds": 3600, "template": template}},
    }
    return resource(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": objects.meta(EXPIRY, names.OBJECT_STORE, EXPIRY),
            "spec": spec,
        }
    )


def _pretty(content: object) -> str:
    return json.dumps(content, indent=2, sort_keys=True)
