"""The audit record on the running platform: a decision is in the bucket, the record is whole, and nobody gets it out."""

from __future__ import annotations

import getpass
import gzip
import json
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from catalog import names
from catalog.access import Scope
from catalog.errors import UserError
from derive import access_log, store
from ops import audit
from ops.audits import pending
from ops.phases import Phases
from ops.schools import certificate
from ops.stack import engine, session
from tests.derive.test_access_log import BOX
from tests.integration import test_school_edge, viewer
from tests.integration.conftest import Platform
from tests.integration.test_platform import client, forwarded

pytestmark = pytest.mark.integration
LESSON = "l-auditauditaudit2"
PATIENCE_SECONDS = 120
"""Records are shipped every few seconds; the rest is for a slow machine."""


def run(platform: Platform, *words: str) -> Any:
    """`huiju audit` on the platform's stack."""
    return CliRunner().invoke(audit.app, [*words, "--stack", platform.stack], catch_exceptions=False)


def traced(platform: Platform, *words: str, logs: str = "0m") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(platform, "trace", *words, "--logs", logs, "--json").stdout)
    return found


@pytest.fixture(scope="module")
def decisions(platform: Platform) -> list[dict[str, Any]]:
    """Two refusals through the gateway, of a pupil and of nobody, as the record has them."""
    city, since = viewer.city(platform), datetime.now(UTC)
    pupil = viewer.session(platform, viewer.tier_of(city, Scope.CLASS), city.schools[0].code)
    assert viewer.play(platform, LESSON, pupil).json["reason"] == "no-such-lesson"
    assert viewer.play(platform, LESSON).json["reason"] == "no-such-lesson"
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = [
            each
            for each in traced(platform, "--lesson", LESSON)
            if datetime.fromisoformat(each["time"]) > since - timedelta(seconds=30)
        ]
        if len(found) >= 2:
            return found
        time.sleep(2)
    pytest.fail("the decisions did not reach the bucket")


def test_a_decision_made_through_the_gateway_is_found_in_the_bucket(
    platform: Platform, decisions: list[dict[str, Any]]
) -> None:
    known = next(each for each in decisions if each["who"])
    assert (known["kind"], known["why"], known["what"]["action"]) == ("refusal", "no-such-lesson", "play")
    assert known["who"]["school"] == viewer.city(platform).schools[0].code
    assert known["policy"]
    assert any(each["who"] is None for each in decisions)
    assert known in traced(platform, "--who", known["who"]["subject"])
    assert known in traced(platform, "--school", known["who"]["school"])


def test_the_record_is_whole_also_against_what_was_seen_of_it_before(
    platform: Platform, decisions: list[dict[str, Any]]
) -> None:
    first = run(platform, "verify")
    assert first.exit_code == 0, first.output
    again = run(platform, "verify", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["anchors"] > 0


def test_the_run_that_made_the_platform_is_on_the_record(platform: Platform, decisions: list[dict[str, Any]]) -> None:
    with forwarded(platform) as endpoint:
        auditor = client(platform, endpoint, store.AUDITOR, names.ENTITLEMENT)
        keys = [each["Key"] for each in auditor.list_objects_v2(Bucket=names.BUCKET_AUDIT)["Contents"]]
        runs = [key for key in keys if "Z-run-" in key]
        bodies = [auditor.get_object(Bucket=names.BUCKET_AUDIT, Key=key)["Body"].read() for key in runs]
    assert any(json.loads(body)["what"]["resource"] == f"stack/{platform.stack}" for body in bodies)


def test_a_run_that_failed_and_a_plain_one_are_on_the_record_too_without_a_word_of_why(platform: Platform) -> None:
    plain = ["up", "--yes", "--skip-preview", "--message", "planted-message", "--stack", platform.stack]
    engine.ask(plain, platform.cluster.environment)

    def ill() -> None:
        raise UserError("planted-word-of-a-diagnostic")

    with pytest.raises(UserError, match="planted"):
        session.reapply(platform.stack, Phases(), "upgrade", ill)
    found = [each for each in traced(platform, "--who", getpass.getuser()) if each["what"]["action"] == "upgrade"]
    assert (found[-1]["why"], found[-1]["what"]["resource"]) == ("failed", f"stack/{platform.stack}")
    assert found[-1]["facts"]["unchanged"] > 50
    assert "planted" not in json.dumps(found)
    assert not pending.waiting(platform.stack)
    with forwarded(platform) as endpoint:
        auditor = client(platform, endpoint, store.AUDITOR, names.ENTITLEMENT)
        keys = [each["Key"] for each in auditor.list_objects_v2(Bucket=names.BUCKET_AUDIT)["Contents"]]
        (newest, *_) = sorted((key for key in keys if "Z-plain-" in key), reverse=True)
        row = json.loads(auditor.get_object(Bucket=names.BUCKET_AUDIT, Key=newest)["Body"].read())
    assert (row["what"]["action"], row["why"], row["who"]) == ("pulumi-update", "done", None)
    assert "planted" not in json.dumps(row)


def test_a_locked_record_is_not_deleted_whoever_asks(
    platform: Platform, decisions: list[dict[str, Any]], proof: Callable[[str, str], None]
) -> None:
    with forwarded(platform) as endpoint:
        owner = client(platform, endpoint, store.ADMIN, names.OBJECT_STORE)
        version = owner.list_object_versions(Bucket=names.BUCKET_AUDIT)["Versions"][0]
        place = {"Bucket": names.BUCKET_AUDIT, "Key": version["Key"], "VersionId": version["VersionId"]}
        for more in ({}, {"BypassGovernanceRetention": True}):
            with pytest.raises(ClientError, match="object lock"):
                owner.delete_object(**place, **more)
        assert owner.get_object(**place)["Body"].read()
        auditor = client(platform, endpoint, store.AUDITOR, names.ENTITLEMENT)
        with pytest.raises(ClientError, match="AccessDenied"):
            auditor.delete_object(Bucket=names.BUCKET_AUDIT, Key=version["Key"])
        writer = client(platform, endpoint, store.ENTITLEMENT, names.ENTITLEMENT)
        with pytest.raises(ClientError, match="AccessDenied"):
            writer.get_object(Bucket=names.BUCKET_AUDIT, Key=version["Key"])
    said = "3 attempts to delete it, by the store's owner with and without bypass and by the auditor: 0 deleted, and its content is there"
    proof("audit: a locked record is deleted, on the platform", f"{said}; its writer reads it back: refused")


def _written_often(platform: Platform) -> None:
    """Enough refusals for the shield to write its log a hundred times, 9 KB each: one that gives up on the way is no record."""
    trust = ssl.create_default_context(cafile=str(platform.authority))
    with httpx.Client(base_url=platform.url, verify=trust, timeout=30) as browser:
        for number in range(4000):
            assert browser.get(f"/lessons/l-auditauditaudit3/h/{number}.m4s").status_code == 403


def _of_box(row: dict[str, Any]) -> bool:
    return row["facts"]["place"] == "school-box" and LESSON in row["what"]["resource"]


def _of_cache(row: dict[str, Any]) -> bool:
    return row["facts"]["place"] == "cache" and LESSON in row["what"]["resource"]


def _until_kept(platform: Platform, school: str) -> list[dict[str, Any]]:
    """Refusals in the kept logs, as soon as this test's own are among them: probes of the platform's are refused all the time."""
    end = time.monotonic() + 2 * PATIENCE_SECONDS
    while time.monotonic() < end:
        rows = [each for each in traced(platform, "--refused", logs="30m") if each["kind"] == "access-log"]
        asked = {each["facts"]["status"] for each in rows if "/query" in each["what"]["resource"]}
        known = any(each["who"] and each["who"]["subject"] and each["who"]["school"] == school for each in rows)
        if asked >= {401, 403} and known and any(map(_of_cache, rows)) and any(map(_of_box, rows)):
            return rows
        time.sleep(5)
    pytest.fail("not all refusals are in the kept logs")


def test_refusals_of_gateway_shield_and_a_school_s_box_are_found_beside_the_record(
    platform: Platform, decisions: list[dict[str, Any]], tmp_path: Path
) -> None:
    city = viewer.city(platform)
    pupil = viewer.session(platform, viewer.tier_of(city, Scope.CLASS), city.schools[0].code)
    assert viewer.ask(platform, "/monitoring/api/v1/query?query=up").status == 401
    assert viewer.ask(platform, "/monitoring/api/v1/query?query=up", Authorization=f"Bearer {pupil}").status == 403
    _written_often(platform)
    assert viewer.ask(platform, f"/lessons/{LESSON}/h/1.m4s?secret=x").status == 403
    pem = test_school_edge.REQUEST.public_bytes(serialization.Encoding.PEM).decode()
    box, line = certificate.sign(test_school_edge.CODE, pem, platform.stack), {**BOX, "time": f"{time.time():.3f}"}
    line["path"] = f"/lessons/{LESSON}/h/2.m4s"
    for _ in range(2):
        assert test_school_edge.Door(platform, tmp_path).log(box, line) == (204, b"")
    rows = _until_kept(platform, city.schools[0].code)
    (sent,) = [each for each in rows if _of_box(each)]
    assert (sent["who"]["school"], sent["facts"]["permission"]) == (test_school_edge.CODE, BOX["permission"])
    (shield, *_) = [each for each in rows if _of_cache(each)]
    assert shield["what"] == {"action": "GET", "resource": f"/lessons/{LESSON}/h/1.m4s"}
    assert shield["policy"]
    both = [each for each in rows if each["facts"].get("request") == shield["facts"]["request"]]
    assert {each["facts"]["place"] for each in both} == {"gateway", "cache"}, "one request, seen by both"
    (person, *_) = [
        each
        for each in rows
        if each["facts"]["place"] == "gateway" and each["who"] and each["who"]["school"] == city.schools[0].code
    ]
    assert person["who"]["subject"] and person["facts"]["status"] == 403
    assert any("jwt" in (each["why"] or "").lower() for each in rows if each["facts"]["status"] == 401)
    assert "secret" not in json.dumps(rows)


def _until_locked(s3: Any, path: str) -> dict[str, str]:
    """The object of access logs that holds the gateway's line about ``path``, once the collector has put it there."""
    bucket, seen = names.BUCKET_ACCESS_LOGS, set[str]()
    end = time.monotonic() + 2 * PATIENCE_SECONDS
    while time.monotonic() < end:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", ()):
                place = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
                new = each["VersionId"] not in seen
                seen.add(each["VersionId"])
                if new and path.encode() in gzip.decompress(s3.get_object(**place)["Body"].read()):
                    return place
        time.sleep(5)
    pytest.fail("the line is in no object of the locked bucket")


def test_an_access_line_lies_in_a_locked_object_that_nobody_deletes_and_a_line_of_another_pod_does_not(
    platform: Platform, proof: Callable[[str, str], None]
) -> None:
    city, path = viewer.city(platform), f"/lessons/{LESSON}/h/{time.time_ns()}.m4s"
    assert viewer.ask(platform, path).status == 403
    (days,) = [
        each.locked_days for each in city.service(names.MONITORING).buckets if each.id == names.BUCKET_ACCESS_LOGS
    ]
    assert days
    with forwarded(platform) as endpoint:
        owner = client(platform, endpoint, store.ADMIN, names.OBJECT_STORE)
        place = _until_locked(client(platform, endpoint, store.LOG_READER, names.MONITORING), path)
        kept = owner.get_object_retention(**place)["Retention"]
        assert kept["Mode"] == "COMPLIANCE"
        assert kept["RetainUntilDate"] > datetime.now(UTC) + timedelta(days=days - 1)
        for more in ({}, {"BypassGovernanceRetention": True}):
            with pytest.raises(ClientError, match="object lock"):
                owner.delete_object(**place, **more)
        content = owner.get_object(**place)["Body"].read()
        rows = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        assert all(access_log.prints(each["k8s.namespace.name"]) for each in rows)
        writer, (bucket, key, version) = (
            client(platform, endpoint, store.LOG_WRITER, names.LOG_COLLECTOR),
            place.values(),
        )
        for call in (
            partial(writer.get_object, Bucket=bucket, Key=key),
            partial(writer.get_object, Bucket=bucket, Key=key, VersionId=version),
            partial(writer.delete_object, Bucket=bucket, Key=key),
            partial(writer.delete_object, Bucket=bucket, Key=key, VersionId=version),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                call()
        # What it may, and no more: the day moves on, and never back.
        earlier = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
        with pytest.raises(ClientError):
            writer.put_object_retention(Bucket=bucket, Key=key, VersionId=version, Retention=earlier)
    said = "2 attempts to delete it, by the store's owner with and without bypass: 0 deleted, and its content is there"
    proof(
        "audit: a locked access log is deleted, on the platform",
        f"{said}; its writer reads, deletes or unlocks it: refused",
    )


def test_kept_logs_are_anchored_by_an_account_that_changes_neither(
    platform: Platform, decisions: list[dict[str, Any]]
) -> None:
    """The Job is run now; what it anchors are hours that are over, which a young platform has no logs of."""
    platform.cluster.kubectl("create", "job", "anchor-now", "--from=cronjob/log-anchor", "-n", names.ENTITLEMENT)
    try:
        platform.cluster.kubectl(
            "wait", "--for=condition=complete", "job/anchor-now", "-n", names.ENTITLEMENT, "--timeout=120s"
        )
    finally:
        platform.cluster.kubectl("delete", "job", "anchor-now", "-n", names.ENTITLEMENT)
    with forwarded(platform) as endpoint:
        auditor = client(platform, endpoint, store.AUDITOR, names.ENTITLEMENT)
        keys = [each["Key"] for each in auditor.list_objects_v2(Bucket=names.BUCKET_AUDIT)["Contents"]]
        (newest, *_) = sorted((key for key in keys if "Z-logs-" in key), reverse=True)
        rows = [
            json.loads(line) for line in auditor.get_object(Bucket=names.BUCKET_AUDIT, Key=newest)["Body"].iter_lines()
        ]
        assert {each["kind"] for each in rows} == {"log-anchor"}
        anchor = client(platform, endpoint, store.LOG_ANCHOR, names.ENTITLEMENT)
        for bucket in names.LOG_BUCKETS:
            assert any(each["what"]["resource"].startswith(f"{bucket}/") for each in rows)
            with pytest.raises(ClientError, match="AccessDenied"):
                anchor.put_object(Bucket=bucket, Key="forged", Body=b"x")
        with pytest.raises(ClientError, match="AccessDenied"):
            anchor.get_object(Bucket=names.BUCKET_AUDIT, Key=newest)
    verified = run(platform, "verify", "--json")
    assert verified.exit_code == 0, verified.output
    assert json.loads(verified.stdout)["logs"]["findings"] == []
