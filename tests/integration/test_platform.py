"""The platform as the cluster holds it: what was planned is there and nothing else, walls hold, secrets are encrypted."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from catalog import load_named, names
from catalog.errors import UserError
from derive import store
from derive.tenants import tenants
from infra.plan import ports
from ops.lessons import place
from ops.stack import engine
from ops.stack.live import managed, recorded_identity
from tests.integration import viewer
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
STORE = "object-store.object-store.svc.cluster.local"
PROBE = "l-probeprobeprobe2"
"""An id in the form of a lesson's."""
PROMETHEUS = "prometheus.monitoring.svc.cluster.local"
EXCEPTIONS = {"log-collector": "privileged"}
CERTIFICATES = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
"""It mounts a folder of the node; a policy of its own takes back the rest (test_monitoring.py)."""


def get(platform: Platform, *words: str) -> Any:
    """Objects as kubectl reads them."""
    return json.loads(platform.cluster.kubectl("get", *words, "-o", "json"))


def state(platform: Platform) -> dict[str, Any]:
    """The stack as the engine recorded it."""
    words = ["stack", "export", "--stack", platform.stack]
    return dict(json.loads(engine.ask(words, platform.cluster.environment))["deployment"])


def test_what_is_recorded_is_what_the_cluster_holds(platform: Platform) -> None:
    rows = [each for each in state(platform)["resources"] if each["type"].startswith("kubernetes:")]
    recorded = {recorded_identity(each["type"], each["id"]) for each in rows if "helm.sh" not in each["type"]}
    there = {each.identity for each in managed(platform.cluster.environment, platform.stack)}
    assert recorded == there
    assert len(there) >= 50


def test_the_engine_asked_the_policy_pack_about_all_of_it(platform: Platform) -> None:
    assert any("✅ huiju@" in line for line in platform.outcome.output)


def test_everything_that_should_run_runs(platform: Platform) -> None:
    ids = {space.id for space in tenants(load_named("tiny"))}
    workloads = [
        each
        for each in get(platform, "deployments,statefulsets", "-A")["items"]
        if each["metadata"]["namespace"] in ids
    ]
    assert len(workloads) >= 5
    for each in workloads:
        assert each["status"].get("readyReplicas") == each["spec"]["replicas"], each["metadata"]["name"]


def test_every_pod_that_runs_was_admitted_as_restricted(platform: Platform) -> None:
    for service in tenants(load_named("tiny")):
        labels = get(platform, "namespace", service.id)["metadata"]["labels"]
        level = EXCEPTIONS.get(service.id, "restricted")
        assert labels["pod-security.kubernetes.io/enforce"] == level
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "portal"}}
    spec = {"containers": [{"name": "x", "image": "x", "securityContext": {"privileged": True}}]}
    with pytest.raises(UserError, match="violates PodSecurity"):
        platform.cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps({**pod, "spec": spec}))


def test_no_pod_has_a_token_but_the_gateway_s_controller(platform: Platform) -> None:
    for service in tenants(load_named("tiny")):
        for pod in get(platform, "pods", "-n", service.id)["items"]:
            projected = [v for v in pod["spec"]["volumes"] if "serviceAccountToken" in json.dumps(v)]
            client = pod["metadata"]["labels"].get("huiju.dev/api-client") == "true"
            assert bool(projected) == client, pod["metadata"]["name"]


@pytest.mark.parametrize(
    ("namespace", "workload", "host", "port", "open_"),
    [
        ("video-library", "deployment/shield-0", STORE, 7070, True),
        ("portal", "deployment/portal", STORE, 7070, False),
        ("video-library", "deployment/shield-0", "postgres-rw.database.svc.cluster.local", 5432, True),
        ("portal", "deployment/portal", "postgres-rw.database.svc.cluster.local", 5432, False),
        ("portal", "deployment/portal", "shield.video-library.svc.cluster.local", 8444, False),
        ("video-library", "deployment/shield-0", "portal.portal.svc.cluster.local", 8080, False),
        ("monitoring", "deployment/blackbox", STORE, 7070, True),
        ("monitoring", "deployment/blackbox", "portal.portal.svc.cluster.local", 8080, True),
        ("portal", "deployment/portal", PROMETHEUS, 9090, False),
        ("video-library", "deployment/shield-0", PROMETHEUS, 9090, False),
    ],
)
def test_a_pod_reaches_what_the_catalog_says_and_nothing_else(  # noqa: PLR0917
    platform: Platform, namespace: str, workload: str, host: str, port: int, open_: bool
) -> None:
    knock = f"timeout 3 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo open || echo shut"

    def said() -> str:
        return platform.cluster.kubectl("exec", "-n", namespace, workload, "--", "bash", "-c", knock).strip()

    # A busy machine may be slow to open a door, but opens none that is shut.
    assert any(said() == "open" for _ in range(5 if open_ else 1)) == open_


def test_nothing_secret_stands_in_the_state_in_plain(platform: Platform) -> None:
    text = json.dumps(state(platform))
    planted = list(_secret_lines(platform))
    assert len(planted) >= 12
    assert not [name for name, line in planted if line in text or base64.b64encode(line.encode()).decode() in text]


def _secret_lines(platform: Platform) -> Iterator[tuple[str, str]]:
    """Every line that looks random, of every Secret of the platform; certificates in them are for everybody."""
    for service in tenants(load_named("tiny")):
        for each in get(platform, "secrets", "-n", service.id)["items"]:
            if each["metadata"]["labels"].get("app.kubernetes.io/managed-by") == "huiju":
                for key, value in each["data"].items():
                    kept = CERTIFICATES.sub("", base64.b64decode(value).decode())
                    for word in re.findall(r"[A-Za-z0-9+/=_-]{32,}", kept):
                        yield f"{each['metadata']['name']}/{key}", word


def forwarded(platform: Platform) -> AbstractContextManager[str]:
    """The object store's address, for as long as the body runs."""
    return place.of_stack(platform.stack).forwarded(names.OBJECT_STORE, names.OBJECT_STORE, ports.STORE)


def client(platform: Platform, endpoint: str, account: str, namespace: str) -> Any:
    """An S3 client that signs as ``account``."""
    data = {
        key: base64.b64decode(text).decode()
        for key, text in get(platform, "secret", store.secret(account), "-n", namespace)["data"].items()
    }
    # The database's operator takes the keys apart, and not the AWS SDK's files.
    apart = [data.get(key, "") for key in ("access-key-id", "secret-access-key")]
    access, secret = apart if all(apart) else re.findall(r"= (\S+)", data["credentials"])
    return signing(endpoint, access, secret)


def signing(endpoint: str, access: str | None, secret: str | None, **more: Any) -> Any:
    """An S3 client that signs with these keys; ``more`` is botocore's."""
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **more)
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1", config=config
    )  # fmt: skip


def refused(call: Any, **arguments: Any) -> bool:
    """Whether the store denies the call."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return True
    return False


def test_accounts_may_do_their_task_and_no_more(platform: Platform) -> None:
    with forwarded(platform) as endpoint:
        shield, packager = (
            client(platform, endpoint, name, "video-library") for name in (store.SHIELD, store.PACKAGER)
        )
        assert not refused(packager.put_object, Bucket="lessons", Key="probe/a", Body=b"x", CacheControl="max-age=60")
        assert not refused(shield.get_object, Bucket="lessons", Key="probe/a")
        assert refused(shield.put_object, Bucket="lessons", Key="probe/b", Body=b"x")
        assert refused(shield.list_objects_v2, Bucket="lessons")
        assert refused(shield.get_object, Bucket="uploads", Key="probe/a")
        assert refused(packager.delete_object, Bucket="lessons", Key="probe/a")
        admin = client(platform, endpoint, store.ADMIN, "object-store")
        buckets = {
            each["Name"]: admin.get_bucket_versioning(Bucket=each["Name"]).get("Status")
            for each in admin.list_buckets()["Buckets"]
        }
        versioned = {b.id: b.versioned for service in load_named("tiny").services for b in service.buckets}
        assert {name: status == "Enabled" for name, status in buckets.items()} == versioned


def fetch(platform: Platform, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an address at the gateway, with its certificate checked."""
    context = ssl.create_default_context(cafile=str(platform.authority))
    try:
        with urllib.request.urlopen(platform.url + path, context=context, timeout=20) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def test_the_gateway_serves_the_portal_over_a_trusted_certificate_with_its_headers(platform: Platform) -> None:
    status, headers, body = fetch(platform, "/")
    assert (status, b"<!doctype html" in body.lower()) == (200, True)
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_the_shield_serves_lessons_from_its_cache_and_nothing_else_of_the_store(platform: Platform) -> None:
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, "video-library")
        key, path = f"{PROBE}/c", f"/lessons/{PROBE}/c"
        packager.put_object(Bucket="lessons", Key=key, Body=b"first", CacheControl="public, max-age=600")
        packager.put_object(Bucket="uploads", Key=key, Body=b"private")
        shown = viewer.cookie(viewer.minted(platform, PROBE))
        assert viewer.ask(platform, path, Cookie=shown).body == b"first"
        packager.put_object(Bucket="lessons", Key=key, Body=b"second", CacheControl="public, max-age=600")
        assert viewer.ask(platform, f"{path}?bust={time.time()}", Cookie=shown).body == b"first", (
            "a query string neither misses nor reaches the store"
        )
    for path in (
        "/lessons/?list-type=2",
        f"/lessons/..%2Fuploads/{PROBE}/c",
        f"/lessons/%2e%2e/uploads/{PROBE}/c",
        f"/uploads/{PROBE}/c",
    ):
        found = viewer.ask(platform, path, Cookie=shown).body
        assert b"private" not in found
        assert b"ListBucketResult" not in found
