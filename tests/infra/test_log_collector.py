"""The real log collector beside a real store: access lines end in the locked bucket, all others in the other one, by accounts as planned.

What it counts is what the alert looks at, and a key that is refused shows there alone.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from prometheus_client.parser import text_string_to_metric_families

from catalog import City, names
from derive import store as accounts
from derive.audit_chain import walked
from infra.config import StackSettings
from infra.plan import accounts as planned
from infra.plan import log_collector, object_store, ports
from local import toolchain
from local.ports import free_port
from monitoring.alerts import COLLECTOR_SENT, COLLECTOR_WAITS
from ops.audits import log_anchors, reading
from ops.log_lines import Wanted, lines
from services.entitlement import log_anchor as job
from services.entitlement.shipping import BUCKET, DAYS
from services.packager.store import Bucket, client
from services.store import apply, expire
from tests.infra.conftest import Settings
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
FLUSH = "1s"
"""In place of the profile's: the test need not wait for an object to fill."""
LOGS, LOCKED = names.BUCKET_LOGS, names.BUCKET_ACCESS_LOGS
Figures = Callable[[], dict[tuple[str, str], float]]
"""The collector's counters by name and bucket."""


@dataclass(frozen=True)
class Running:
    """A store as the plan sets it up: with its accounts, buckets and policies."""

    endpoint: str
    stack: StackSettings

    def account(self, name: str) -> Any:
        """What signs in as this account."""
        key = planned.keys(self.stack, name)
        return client(
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key.access,
            aws_secret_access_key=key.secret,
        )

    @contextmanager
    def bucket(self, account: str, _service: str, name: str) -> Iterator[Bucket]:
        """As `ops.lessons.place.Place` gives it."""
        yield Bucket(self.account(account), name)

    def objects(self, bucket: str) -> list[dict[str, str]]:
        """Every version there."""
        found = self.account(accounts.ADMIN).list_object_versions(Bucket=bucket).get("Versions", [])
        return [{"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]} for each in found]

    def lines(self, bucket: str) -> list[str]:
        """What pods printed, as it lies there."""
        admin = self.account(accounts.ADMIN)
        bodies = [admin.get_object(**each)["Body"].read() for each in self.objects(bucket)]
        return sorted(json.loads(line)["line"] for body in bodies for line in gzip.decompress(body).splitlines())


@pytest.fixture
def store(tmp_path: Path, tiny: City, settings: Settings) -> Iterator[Running]:
    stack, port = settings(), free_port()
    there = {(each.kind, each.name): each.props for each in object_store.plan(tiny, stack)}
    for name in ("objects", "versions", "accounts"):
        (tmp_path / name).mkdir()
    (tmp_path / "accounts/users.json").write_text(there["Secret", object_store.IAM]["stringData"]["users.json"])
    command = [
        *(str(toolchain.tool("versitygw")), "--port", f"127.0.0.1:{port}", "--quiet", "--iam-dir"),
        *(str(tmp_path / "accounts"), "--disable-acl", "posix"),
        *("--versioning-dir", str(tmp_path / "versions"), str(tmp_path / "objects")),
    ]
    root = there["Secret", names.STORE_ADMIN_SECRET]["stringData"]
    with subprocess.Popen(command, env={**os.environ, **root}, stdout=subprocess.DEVNULL) as process:
        try:
            found = Running(f"http://127.0.0.1:{port}", stack)
            until(partial(answers, port), "the store answers")
            for bucket in json.loads(there["ConfigMap", object_store.SETUP]["data"]["desired.json"])["buckets"]:
                apply.apply(found.account(accounts.ADMIN), bucket)
            yield found
        finally:
            process.terminate()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def collecting(folder: Path, city: City, store: Running, secret: str = "") -> Iterator[Figures]:
    """A collector as the plan configures it, with its folders under ``folder`` and its own account, or with another ``secret``."""
    key = planned.keys(store.stack, accounts.LOG_WRITER)
    for name, text in accounts.client_files(key.access, secret or key.secret, store.endpoint, "us-east-1").items():
        (folder / name).write_text(text)
    port = free_port()
    (kept,) = [each.props["data"] for each in log_collector.plan(city, store.stack) if each.kind == "ConfigMap"]
    written = str(kept[log_collector.CONFIGURATION])
    moved = written.replace(log_collector.LOGS, str(folder / "pods")).replace(
        log_collector.STATE, str(folder / "state")
    )
    configuration = json.loads(moved)
    (reader,) = configuration["service"]["telemetry"]["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"]["port"] == ports.COLLECTOR_METRICS
    reader["pull"]["exporter"]["prometheus"] = {"host": "127.0.0.1", "port": port}
    for exporter in configuration["exporters"].values():
        exporter["sending_queue"]["batch"]["flush_timeout"] = FLUSH
    file = folder / log_collector.CONFIGURATION
    file.write_text(json.dumps(configuration))
    account = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}
    command = [str(toolchain.tool(names.LOG_COLLECTOR)), f"--config={file}"]
    said = (folder / "said").open("w")
    with (
        said,
        subprocess.Popen(command, env={**os.environ, **account, "NODE": "n1"}, stdout=said, stderr=said) as process,
    ):
        try:
            yield lambda: _figures(port)
        finally:
            process.terminate()


def _figures(port: int) -> dict[tuple[str, str], float]:
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
    except requests.ConnectionError:
        return {}
    samples = [each for family in text_string_to_metric_families(answer.text) for each in family.samples]
    return {(each.name, each.labels.get("exporter", "").partition("/")[2]): each.value for each in samples}


def prints(folder: Path, line: str, namespace: str = names.GATEWAY, container: str = "envoy") -> None:
    """A pod of the node prints a line, as the container runtime keeps it."""
    file = folder / "pods" / f"{namespace}_{container}-1_1" / container / "0.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000000000Z stdout F {line}\n")


def test_access_lines_lie_in_the_locked_bucket_and_all_other_lines_in_the_other(
    tiny: City, store: Running, tmp_path: Path
) -> None:
    locked = {
        (names.GATEWAY, "envoy"),
        (names.VIDEO_LIBRARY, names.SHIELD),
        (names.edge_namespace("hills"), names.DISTRICT_EDGE),
        (names.SCHOOL_EDGE, names.INTAKE),
    }
    others = {
        (names.GATEWAY, "envoy-gateway"),
        (names.VIDEO_LIBRARY, "package"),
        (names.PORTAL, names.PORTAL),
        ("gateway-of-somebody", "envoy"),
    }
    for namespace, container in (*locked, *others, (names.LOG_COLLECTOR, names.LOG_COLLECTOR)):
        prints(tmp_path, f"{namespace} {container}", namespace, container)
    with collecting(tmp_path, tiny, store):
        until(lambda: len(store.lines(LOCKED)) >= 4 and len(store.lines(LOGS)) >= 4, "all lines are in the store")
    assert store.lines(LOCKED) == sorted(map(" ".join, locked))
    assert store.lines(LOGS) == sorted(map(" ".join, others))


def one_of_each(tiny: City, store: Running, folder: Path) -> None:
    """A line in either bucket."""
    prints(folder, "GET /lessons/ 200")
    prints(folder, "GET / 200", names.PORTAL, names.PORTAL)
    with collecting(folder, tiny, store):
        until(lambda: store.lines(LOCKED) and store.lines(LOGS), "both lines are in the store")


def test_nobody_deletes_an_access_log_and_its_writer_does_nothing_but_write(
    tiny: City, store: Running, tmp_path: Path
) -> None:
    one_of_each(tiny, store, tmp_path)
    admin, writer = store.account(accounts.ADMIN), store.account(accounts.LOG_WRITER)
    (days,) = [each.locked_days for each in tiny.service(names.MONITORING).buckets if each.id == LOCKED]
    (place,) = store.objects(LOCKED)
    kept = admin.get_object_retention(**place)["Retention"]
    assert kept["Mode"] == "COMPLIANCE"
    assert abs(kept["RetainUntilDate"] - datetime.now(UTC) - timedelta(days=days or 0)) < timedelta(hours=1)
    # What the bucket says by itself is taken away: the object's own day stays.
    admin.put_object_lock_configuration(Bucket=LOCKED, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    for more in ({}, {"BypassGovernanceRetention": True}):
        with pytest.raises(ClientError, match="object lock"):
            admin.delete_object(**place, **more)
    done = expire.expire(store.account(accounts.EXPIRY), LOCKED, datetime.now(UTC) + timedelta(days=1), versioned=True)
    assert (done.gone, done.waiting) == (0, 1)
    object_ = {"Bucket": LOCKED, "Key": place["Key"]}
    calls = [
        *(partial(each, **at) for each in (writer.get_object, writer.delete_object) for at in (object_, place)),
        partial(writer.list_object_versions, Bucket=LOCKED),
        partial(writer.put_object_retention, **place, Retention=until_day(1)),
    ]
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, call
    writer.put_object_retention(**place, Retention=until_day(1000))
    assert len(store.lines(LOCKED)) == 1
    # The other bucket has no lock: its administrator may empty it.
    admin.delete_object(**store.objects(LOGS)[0])
    assert store.lines(LOGS) == []


def until_day(days: int) -> dict[str, Any]:
    return {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=days)}


def verified(store: Running, now: datetime) -> log_anchors.Logs:
    """What `huiju audit verify` says of the logs, at a time when the hours of now are over."""
    said = log_anchors.about(now - timedelta(hours=2), now + timedelta(hours=2))
    with store.bucket(accounts.AUDITOR, names.ENTITLEMENT, names.BUCKET_AUDIT) as record:
        assert not walked(reading.from_bucket(record).segments(), each=said.take).findings
    return log_anchors.check(store, said)  # type: ignore[arg-type]  # a stand-in


def test_both_buckets_are_anchored_and_what_is_put_over_an_access_log_is_told_and_hides_nothing(
    tiny: City, store: Running, tmp_path: Path
) -> None:
    one_of_each(tiny, store, tmp_path)
    now = datetime.now(UTC)
    environment = {job.LOGS: LOGS, job.ACCESS_LOGS: LOCKED, BUCKET: names.BUCKET_AUDIT, DAYS: "1"}
    anchor = partial(job.anchor, store.account(accounts.LOG_ANCHOR), environment)
    anchor(now + timedelta(hours=1), "one")
    whole = verified(store, now)
    assert (whole.findings, whole.objects, whole.unanchored) == ((), 2, ())
    (place,) = store.objects(LOCKED)
    key = place["Key"]
    store.account(accounts.LOG_WRITER).put_object(Bucket=LOCKED, Key=key, Body=gzip.compress(b""))
    (finding,) = verified(store, now).findings
    assert (finding.writer, finding.says.partition(";")[0]) == (f"{LOCKED}/{key}", "another object was put over it")
    store.account(accounts.ADMIN).delete_object(Bucket=LOCKED, Key=key)
    anchor(now + timedelta(hours=1, seconds=1), "two")
    assert sorted(each.says.partition(";")[0] for each in verified(store, now).findings) == [
        "another object was put over it",
        "the object was deleted and hides",
    ]
    wanted = Wanted(now - timedelta(hours=1), now + timedelta(minutes=1))
    found = sorted(line.partition("-1 ")[2] for line in lines(store, wanted))  # type: ignore[arg-type]  # a stand-in
    assert found == ["GET / 200", "GET /lessons/ 200"]


@pytest.mark.parametrize(("bucket", "pod"), [(LOCKED, (names.GATEWAY, "envoy")), (LOGS, (names.PORTAL, names.PORTAL))])
def test_what_the_store_took_is_counted_for_its_bucket_and_nothing_waits(
    tiny: City, store: Running, tmp_path: Path, bucket: str, pod: tuple[str, str]
) -> None:
    prints(tmp_path, "a line", *pod)
    with collecting(tmp_path, tiny, store) as figures:
        until(lambda: store.lines(bucket) == ["a line"], "the line is in the store")
        until(
            lambda: figures().get((COLLECTOR_SENT, bucket)) == 1 and figures()[COLLECTOR_WAITS, bucket] == 0,
            "it is counted as sent",
        )
        assert {each for name, each in figures() if name == COLLECTOR_WAITS} == {LOGS, LOCKED}
        assert [each for name, each in figures() if name == COLLECTOR_SENT] == [bucket]


def test_a_key_that_is_refused_shows_in_what_the_alert_looks_at(tiny: City, store: Running, tmp_path: Path) -> None:
    prints(tmp_path, "GET /lessons/ 200")
    with collecting(tmp_path, tiny, store, "another") as figures:
        until(lambda: figures().get((COLLECTOR_WAITS, LOCKED), 0) > 0, "the line waits")
        assert figures().get((COLLECTOR_SENT, LOCKED), 0) == 0
    assert store.lines(LOCKED) == []
    # With the right one what waited on the collector's own disk goes to the store, once.
    with collecting(tmp_path, tiny, store) as figures:
        until(lambda: store.lines(LOCKED) == ["GET /lessons/ 200"], "the line is in the store")
        until(
            lambda: figures().get((COLLECTOR_SENT, LOCKED)) == 1 and figures()[COLLECTOR_WAITS, LOCKED] == 0,
            "it is counted as sent",
        )
