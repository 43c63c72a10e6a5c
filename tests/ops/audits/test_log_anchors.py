"""Logs that were changed, taken away or added after their hour was anchored are damages; hours without an anchor are said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import load_named
from derive import audit as records_of
from derive import log_anchor
from derive.audit_chain import verify, walked
from ops import audit
from ops.audits import anchors, log_anchors, reading
from ops.lessons import place
from services.entitlement.log_anchor import LOGS, anchor, digests
from services.entitlement.shipping import BUCKET, DAYS

NOW = datetime.now(UTC)
HOURS = log_anchor.hours(NOW - timedelta(hours=6), NOW - timedelta(hours=1))


class Client:
    """As much of S3 as the Job asks for, over a dictionary."""

    def __init__(self, logs: dict[str, bytes]) -> None:
        self.logs, self.put = logs, dict[str, bytes]()

    def get_paginator(self, _: str) -> Client:
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        keys = sorted(key for key in self.logs if key.startswith(asked["Prefix"]))
        for key in keys:
            yield {"Contents": [{"Key": key}]}
        yield {}

    def get_object(self, **asked: str) -> dict[str, Any]:
        return {"Body": BytesIO(self.logs[asked["Key"]])}

    def put_object(self, **given: Any) -> None:
        assert given["ObjectLockMode"] == "COMPLIANCE"
        self.put[given["Key"]] = given["Body"]


class Where:
    """A stack with these logs, and this record."""

    stack, city = "local", "tiny"

    def __init__(self, logs: dict[str, bytes]) -> None:
        self.logs = logs

    @contextmanager
    def bucket(self, *_: Any) -> Iterator[Where]:
        yield self

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        return ((key, 1, "") for key in sorted(self.logs) if key.startswith(prefix))

    def get(self, key: str) -> tuple[bytes, str] | None:
        return (self.logs[key], "") if key in self.logs else None


@pytest.fixture
def logs() -> dict[str, bytes]:
    return {f"{hour}n-{number}.jsonl.gz": f"{hour} {number}".encode() for hour in HOURS for number in range(3)}


@pytest.fixture
def segments(logs: dict[str, bytes]) -> dict[str, bytes]:
    """The record, as the Job wrote it hour after hour."""
    client = Client(logs)
    environment = {LOGS: "logs", BUCKET: "audit", DAYS: "190"}
    for hours in range(4):
        anchor(client, environment, NOW - timedelta(hours=hours), "pod")
    return client.put


def found(logs: dict[str, bytes], segments: dict[str, bytes]) -> log_anchors.Logs:
    said = log_anchors.about(NOW - timedelta(hours=6), NOW)
    walked(segments.items(), each=said.take)
    return log_anchors.check(Where(logs), said)  # type: ignore[arg-type]


def test_logs_that_nobody_touched_are_whole(logs: dict[str, bytes], segments: dict[str, bytes]) -> None:
    seen = found(logs, segments)
    assert (seen.findings, seen.hours, seen.objects, seen.unanchored) == ((), len(HOURS), 3 * len(HOURS), ())


@pytest.mark.parametrize("says", ["is another than was anchored", "is gone", "put there after"])
def test_each_damage_is_named_with_its_object(logs: dict[str, bytes], segments: dict[str, bytes], says: str) -> None:
    key = f"{HOURS[1]}n-1.jsonl.gz"
    if says == "is gone":
        del logs[key]
    elif says == "put there after":
        key = f"{HOURS[1]}n-9.jsonl.gz"
        logs[key] = b"forged"
    else:
        logs[key] = b"edited"
    (finding,) = found(logs, segments).findings
    assert says in finding.says
    assert finding.writer == f"logs/{key}"


def test_an_edit_between_two_anchors_is_seen_although_the_later_one_agrees(
    logs: dict[str, bytes], segments: dict[str, bytes]
) -> None:
    key = f"{HOURS[-1]}n-0.jsonl.gz"
    logs[key] = b"edited"
    client = Client(logs)
    anchor(client, {LOGS: "logs", BUCKET: "audit", DAYS: "190"}, NOW + timedelta(seconds=1), "later")
    assert [each.writer for each in found(logs, segments | client.put).findings] == [f"logs/{key}"]


def test_hours_without_an_anchor_are_no_damage_and_are_said(logs: dict[str, bytes]) -> None:
    seen = found(logs, {})
    assert (seen.findings, seen.unanchored) == ((), HOURS)
    assert found({}, {}).unanchored == (), "where nothing was logged, nothing is missing"


def test_the_record_of_the_anchors_is_itself_whole(segments: dict[str, bytes]) -> None:
    checked = verify(segments)
    assert not checked.findings
    assert {each.entry.kind for each in reading.records(segments.items())} == {records_of.Kind.LOGS}


def test_a_digest_is_that_of_the_object(logs: dict[str, bytes]) -> None:
    made = digests(Client(logs), "logs", HOURS[0])
    assert made["n-0.jsonl.gz"] == hashlib.sha256(logs[f"{HOURS[0]}n-0.jsonl.gz"]).hexdigest()


def test_the_command_fails_for_a_damaged_log_and_names_it(
    logs: dict[str, bytes], segments: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "of_stack", lambda _: Where(logs))
    monkeypatch.setattr(reading, "from_bucket", lambda *_: reading.Kept(lambda: iter(sorted(segments.items()))))
    monkeypatch.setattr(anchors, "_store", lambda _: "0" * anchors.DIGITS)
    monkeypatch.setattr(anchors, "printed", lambda *_: [])
    about = log_anchors.about
    # The clock may strike while tests run, and then one hour more is over.
    monkeypatch.setattr(log_anchors, "about", lambda since, _: about(since, NOW))

    def run(*words: str) -> Any:
        # Longer than the hours above, so that none of them falls out when the clock strikes while tests run.
        return CliRunner().invoke(audit.app, ["verify", "--since", "9h", *words], catch_exceptions=False)

    sound = run()
    assert sound.exit_code == 0, sound.output
    assert f"log objects of {len(HOURS)} anchored hours: whole" in sound.output
    del logs[f"{HOURS[0]}n-0.jsonl.gz"]
    damaged = json.loads(run("--json").stdout)
    assert damaged["sound"] is False
    assert run().exit_code == 1
    assert "is gone" in " ".join(run().output.split())


def test_a_record_of_half_a_year_is_looked_up_and_not_searched_for() -> None:
    asked = 0

    class Hours(tuple[str, ...]):
        def __contains__(self, _: object) -> bool:
            nonlocal asked
            asked += 1
            return super().__contains__(_)

    told = log_anchors.Told(Hours(HOURS))
    head = records_of.begin(records_of.writer_id(NOW, "pod"))
    entries = [
        *log_anchor.entries(HOURS[1], {"a": "1"}),
        *log_anchor.entries("2000/01/01/00/", {"a": "1"}),
        records_of.Entry(records_of.Kind.GRANT, "play", "l-x", "allowed", None),
    ]
    for entry in entries:
        told.take(records_of.follow(head, entry, NOW))
    assert [each.entry for each in told.records] == entries[:1]
    assert asked == 0


def test_no_log_is_missed_that_the_bucket_may_have_deleted_already() -> None:
    city = load_named("tiny")
    (days,) = [each.expire_days for each in city.service("monitoring").buckets if each.id == "logs"]
    assert days
    assert log_anchors.term(city) == timedelta(days=days - 1)
