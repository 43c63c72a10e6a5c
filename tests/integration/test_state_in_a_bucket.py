"""The state in an S3 bucket, as a city in production keeps it: proven against a versitygw on loopback."""

from __future__ import annotations

import random
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.scale.objects import config_map
from local import toolchain
from local.ports import free_port
from ops.stack import backup, checkpoint, lock, store
from tests.integration.campaign import Stack
from tests.integration.conftest import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
BUCKET = "platform-state"
ACCESS, SECRET = "state-access", "state-secret-of-the-test"
NAME = "bucket"
NAMESPACE = f"bucket-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket; this process and its children keep their state there."""
    port = free_port()
    (tmp_path / "objects").mkdir()
    words = ["--access", ACCESS, "--secret", SECRET, "--port", f"127.0.0.1:{port}", "posix", str(tmp_path / "objects")]
    server = subprocess.Popen(
        [str(toolchain.tool("versitygw")), *words], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    query = f"endpoint=127.0.0.1:{port}&disableSSL=true&s3ForcePathStyle=true&region=us-east-1"
    monkeypatch.setenv("HUIJU_BACKEND_URL", f"s3://{BUCKET}?{query}")
    client = Session().client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
    for tries_left in reversed(range(50)):
        try:
            client.create_bucket(Bucket=BUCKET)
            break
        except (BotoCoreError, ClientError):
            if not tries_left:
                raise
            time.sleep(0.2)
    yield BUCKET
    server.terminate()
    server.wait()


@pytest.fixture
def stack(bucket: str, cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    cluster.kubectl("create", "namespace", NAMESPACE)
    yield Stack(NAME, tmp_path / "program")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_runs_locks_copies_and_recovery_work_in_a_bucket(stack: Stack, cluster: Cluster) -> None:
    chance = random.Random(5)
    stack.plan = [config_map(f"object-{index}", NAMESPACE, NAME, str(chance.random())) for index in range(40)]
    stack.finish()
    backend = store.open_store()
    assert isinstance(backend, store.BucketStore)
    first = checkpoint.load(backend, NAME)
    assert first is not None
    assert len(first.objects) == 40
    said, _ = stack.finish()
    assert "41 unchanged" in said
    stack.plan = [*stack.plan[:20], config_map("late", NAMESPACE, NAME, "late")]
    run = stack.start()
    while (
        len(lock.holders(backend, NAME)) < 2
    ):  # the kit's marker and the engine's own lock: the run has begun for good
        assert run.process.poll() is None, run.process.communicate()
        time.sleep(0.02)
    run.kill()
    assert lock.marker(backend, NAME)
    said, _ = stack.finish()
    assert "a run that died is cleared away" in said
    names = cluster.kubectl(
        "get", "configmaps", "-n", NAMESPACE, "-l", "app.kubernetes.io/managed-by=huiju", "-o", "name"
    )
    assert len(names.split()) == 21
    assert backup.all_of(backend, NAME)
    assert lock.holders(backend, NAME) == []
    backend.write(checkpoint.key(NAME), b"{")
    said, _ = stack.finish()
    assert "restored from" in said
