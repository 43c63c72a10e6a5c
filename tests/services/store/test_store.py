"""The store's set-up and expiry against a real versitygw: what the catalog says comes about, twice the same, and nothing else goes."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from derive.store import client_files
from local import toolchain
from local.ports import free_port
from services.store import apply, expire

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Store:
    """A running store and its administrator's client."""

    endpoint: str
    folder: Path
    client: Any

    def age(self, bucket: str, key: str, days: float) -> None:
        """Make an object look ``days`` old."""
        when = time.time() - days * 86400
        os.utime(self.folder / bucket / key, (when, when))

    def keys(self, bucket: str) -> set[str]:
        return {each["Key"] for each in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Store]:
    """An empty store with an administrator and one more account, `worker`."""
    port = free_port()
    for name in ("data", "versions", "accounts"):
        (tmp_path / name).mkdir()
    user = {"access": "worker", "secret": "w" * 40, "role": "user", "userID": 0, "groupID": 0, "projectID": 0}
    (tmp_path / "accounts/users.json").write_text(json.dumps({"accessAccounts": {"worker": user}}))
    command = [
        *(str(toolchain.tool("versitygw")), "--port", f"127.0.0.1:{port}", "--health", "/healthz", "--quiet"),
        *("--iam-dir", str(tmp_path / "accounts"), "--disable-acl", "posix"),
        *("--versioning-dir", str(tmp_path / "versions"), str(tmp_path / "data")),
    ]
    root = {"ROOT_ACCESS_KEY": "admin", "ROOT_SECRET_KEY": "a" * 40}
    with subprocess.Popen(command, env={**os.environ, **root}, stdout=subprocess.DEVNULL) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _await(f"{endpoint}/healthz")
            yield Store(endpoint, tmp_path / "data", _client(endpoint, "admin", "a" * 40))
        finally:
            process.terminate()


def _await(address: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


def _client(endpoint: str, access: str, secret: str) -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=config,
    )


def policy(bucket: str, *actions: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["worker"]},
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_the_desired_state_comes_about_and_the_second_time_nothing_changes(running: Store) -> None:
    wanted = {"name": "lessons", "versioned": True, "policy": policy("lessons", "s3:GetObject")}
    assert apply.apply(running.client, wanted) == ["created", "versioning enabled", "policy"]
    assert apply.apply(running.client, wanted) == []
    assert running.client.get_bucket_versioning(Bucket="lessons")["Status"] == "Enabled"


def test_a_changed_policy_is_put_and_the_objects_stay(running: Store) -> None:
    wanted = {"name": "lessons", "versioned": False, "policy": policy("lessons", "s3:GetObject")}
    apply.apply(running.client, wanted)
    running.client.put_object(Bucket="lessons", Key="a", Body=b"x")
    worker = _client(running.endpoint, "worker", "w" * 40)
    assert worker.get_object(Bucket="lessons", Key="a")["Body"].read() == b"x"
    assert apply.apply(running.client, {**wanted, "policy": policy("lessons", "s3:PutObject")}) == ["policy"]
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.get_object(Bucket="lessons", Key="a")
    assert running.keys("lessons") == {"a"}


def test_rights_that_nobody_has_any_more_are_taken_away(running: Store) -> None:
    wanted = {"name": "lessons", "versioned": False, "policy": policy("lessons", "s3:GetObject")}
    apply.apply(running.client, wanted)
    running.client.put_object(Bucket="lessons", Key="a", Body=b"x")
    worker = _client(running.endpoint, "worker", "w" * 40)
    assert worker.get_object(Bucket="lessons", Key="a")["Body"].read() == b"x"
    assert apply.apply(running.client, {**wanted, "policy": None}) == ["policy removed"]
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.get_object(Bucket="lessons", Key="a")
    assert apply.apply(running.client, {**wanted, "policy": None}) == []


def test_an_account_without_rights_is_refused_loudly(running: Store) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        apply.apply(_client(running.endpoint, "worker", "w" * 40), {"name": "mine", "versioned": False, "policy": None})


def test_the_programs_find_their_store_in_the_mounted_files(
    running: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in client_files("admin", "a" * 40, running.endpoint, "us-east-1").items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "desired.json").write_text(
        json.dumps({"buckets": [{"name": "lessons", "versioned": False, "policy": None}]})
    )
    (tmp_path / "terms.json").write_text(json.dumps({"terms": [{"bucket": "lessons", "days": 7, "versioned": False}]}))
    apply.main(str(tmp_path / "desired.json"))
    expire.main(str(tmp_path / "terms.json"))
    assert capsys.readouterr().out == "lessons: created\nlessons: 0 objects past 7 days deleted\n"


def test_a_store_that_does_not_answer_is_an_error_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PAUSE", 0)
    monkeypatch.setattr(apply, "ATTEMPTS", 2)
    with pytest.raises(EndpointConnectionError):
        apply.wait(_client(f"http://127.0.0.1:{free_port()}", "admin", "a" * 40))


@pytest.mark.parametrize(("days", "stays"), [(6.9, True), (7.1, False)])
def test_an_object_goes_after_its_term_and_not_before(running: Store, days: float, stays: bool) -> None:
    running.client.create_bucket(Bucket="uploads")
    for key in ("old/one", "young/two"):
        running.client.put_object(Bucket="uploads", Key=key, Body=b"x")
    running.age("uploads", "old/one", days)
    done = expire.expire(running.client, "uploads", datetime.now(UTC) - 7 * DAY, versioned=False)
    assert done == (0 if stays else 1, 0)
    assert running.keys("uploads") == {"young/two"} | ({"old/one"} if stays else set())


def test_more_objects_than_one_request_takes_all_go(running: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "BATCH", 3)
    running.client.create_bucket(Bucket="uploads")
    for number in range(7):
        running.client.put_object(Bucket="uploads", Key=f"k{number}", Body=b"x")
    assert expire.expire(running.client, "uploads", datetime.now(UTC) + DAY, versioned=False) == (7, 0)
    assert not running.keys("uploads")


def test_versions_of_a_versioned_bucket_go_for_good(running: Store) -> None:
    apply.apply(running.client, {"name": "lessons", "versioned": True, "policy": None})
    for body in (b"1", b"2"):
        running.client.put_object(Bucket="lessons", Key="a", Body=body)
    assert expire.expire(running.client, "lessons", datetime.now(UTC) + DAY, versioned=True) == (2, 0)
    assert not running.client.list_object_versions(Bucket="lessons").get("Versions")


def test_what_cannot_be_deleted_is_an_error(running: Store) -> None:
    statement = policy("uploads", "s3:GetObject")["Statement"][0]
    listing = {**statement, "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::uploads"]}
    apply.apply(
        running.client,
        {"name": "uploads", "versioned": False, "policy": {"Version": "2012-10-17", "Statement": [listing]}},
    )
    running.client.put_object(Bucket="uploads", Key="a", Body=b"x")
    worker = _client(running.endpoint, "worker", "w" * 40)
    with pytest.raises(RuntimeError, match="1 objects stay"):
        expire.expire(worker, "uploads", datetime.now(UTC) + DAY, versioned=False)


def test_what_is_still_locked_waits_for_its_day_and_holds_up_nothing(
    running: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire, "BATCH", 2)
    apply.apply(running.client, {"name": "audit", "versioned": True, "locked_days": 1, "policy": None})
    running.client.put_object_lock_configuration(
        Bucket="audit", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    for key in "abcd":
        running.client.put_object(Bucket="audit", Key=key, Body=b"x")
    until = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + DAY}
    running.client.put_object_retention(Bucket="audit", Key="a", Retention=until)
    assert expire.expire(running.client, "audit", datetime.now(UTC) + DAY, versioned=True) == (3, 1)
    assert running.keys("audit") == {"a"}


def test_a_bucket_that_fails_does_not_stop_those_after_it(
    running: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = policy("uploads", "s3:GetObject")["Statement"][0]
    listing = {**statement, "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::uploads"]}
    logs = {
        "Version": "2012-10-17",
        "Statement": [
            {**listing, "Resource": ["arn:aws:s3:::logs"]},
            {**statement, "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::logs/*"]},
        ],
    }
    for name, rights in (("uploads", {"Version": "2012-10-17", "Statement": [listing]}), ("logs", logs)):
        apply.apply(running.client, {"name": name, "versioned": False, "policy": rights})
        running.client.put_object(Bucket=name, Key="a", Body=b"x")
        running.age(name, "a", 8)
    terms = [{"bucket": name, "days": 7, "versioned": False} for name in ("absent", "uploads", "logs")]
    (tmp_path / "terms.json").write_text(json.dumps({"terms": terms}))
    monkeypatch.setattr(expire, "connect", lambda: _client(running.endpoint, "worker", "w" * 40))
    with pytest.raises(RuntimeError, match=r"absent: .*; uploads: 1 objects stay"):
        expire.main(str(tmp_path / "terms.json"))
    assert running.keys("uploads") == {"a"}
    assert not running.keys("logs")
    assert capsys.readouterr().out == "logs: 1 objects past 7 days deleted\n"
