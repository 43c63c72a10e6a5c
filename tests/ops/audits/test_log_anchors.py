"""Logs that were changed, taken away or added after their hour was anchored are damages; hours without an anchor are said."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import load_named, names
from derive import audit as records_of
from derive import log_anchor
from derive.audit_chain import verify, walked
from ops import audit
from ops.audits import anchors, log_anchors, reading
from ops.lessons import place
from services.entitlement.log_anchor import ACCESS_LOGS, LOGS, anchor, chain, digests
from services.entitlement.shipping import BUCKET, DAYS
from tests.ops.kept_logs import Client, Contents, Where

NOW = datetime.now(UTC)
ENVIRONMENT = {LOGS: names.BUCKET_LOGS, ACCESS_LOGS: names.BUCKET_ACCESS_LOGS, BUCKET: "audit", DAYS: "190"}
HOURS = log_anchor.hours(NOW - timedelta(hours=6), NOW - timedelta(hours=1))
DAMAGES = ("is another than was anchored", "is gone", "put there after")


@pytest.fixture
def logs() -> dict[str, bytes]:
    return {f"{hour}n-{number}.jsonl.gz": f"{hour} {number}".encode() for hour in HOURS for number in range(3)}


@pytest.fixture
def access() -> dict[str, list[Contents]]:
    """The locked bucket's: an object an hour."""
    return {f"{hour}n-0.jsonl.gz": [f"{hour} locked".encode()] for hour in HOURS}


@pytest.fixture
def segments(logs: dict[str, bytes], access: dict[str, list[Contents]]) -> dict[str, bytes]:
    """The record, as the Job wrote it hour after hour."""
    client = Client(logs, access)
    for hours in range(4):
        anchor(client, ENVIRONMENT, NOW - timedelta(hours=hours), "pod")
    return client.put


def found(
    logs: dict[str, bytes], segments: dict[str, bytes], access: dict[str, list[Contents]] | None = None
) -> log_anchors.Logs:
    said = log_anchors.about(NOW - timedelta(hours=6), NOW)
    walked(segments.items(), each=said.take)
    return log_anchors.check(Where(logs, access), said)  # type: ignore[arg-type]


def test_logs_that_nobody_touched_are_whole(
    logs: dict[str, bytes], segments: dict[str, bytes], access: dict[str, list[Contents]]
) -> None:
    seen = found(logs, segments, access)
    assert (seen.findings, seen.hours, seen.objects, seen.unanchored) == ((), len(HOURS), 4 * len(HOURS), ())


def damaged(objects: dict[str, Any], key: str, says: str, forged: object) -> str:
    """Do to the object what is said of it, or put one beside it; the key of which it is said."""
    if says == "is gone":
        del objects[key]
        return key
    if says == "put there after":
        key = f"{HOURS[1]}n-9.jsonl.gz"
    objects[key] = forged
    return key


@pytest.mark.parametrize("says", DAMAGES)
def test_each_damage_is_named_with_its_object(
    logs: dict[str, bytes], segments: dict[str, bytes], access: dict[str, list[Contents]], says: str
) -> None:
    key = damaged(logs, f"{HOURS[1]}n-1.jsonl.gz", says, b"forged")
    (finding,) = found(logs, segments, access).findings
    assert says in finding.says
    assert finding.writer == f"logs/{key}"


@pytest.mark.parametrize(
    ("done", "says"),
    [
        ([b"forged"], "another object was put over it"),
        ([None], "the object was deleted and hides"),
        ([None, b"forged"], "another object was put over it"),
    ],
)
def test_what_is_done_to_a_locked_object_is_told_and_hides_nothing(
    logs: dict[str, bytes],
    segments: dict[str, bytes],
    access: dict[str, list[Contents]],
    done: list[Contents],
    says: str,
) -> None:
    key = f"{HOURS[1]}n-0.jsonl.gz"
    access[key] += done
    (finding,) = found(logs, segments, access).findings
    assert (finding.writer, finding.says.partition(";")[0]) == (f"access-logs/{key}", says)
    # The Job that comes after it anchors what was there first.
    client = Client(logs, access)
    anchor(client, ENVIRONMENT, NOW - timedelta(hours=3), "later")
    assert found(logs, segments | client.put, access).findings == (finding,)


@pytest.mark.parametrize("says", DAMAGES)
def test_a_locked_object_that_was_changed_past_the_store_is_a_damage_too(
    logs: dict[str, bytes], segments: dict[str, bytes], access: dict[str, list[Contents]], says: str
) -> None:
    key = damaged(access, f"{HOURS[1]}n-0.jsonl.gz", says, [b"forged"])
    (finding,) = found(logs, segments, access).findings
    assert says in finding.says
    assert finding.writer == f"access-logs/{key}"


def test_anchors_from_before_there_was_a_bucket_of_access_logs_still_hold(logs: dict[str, bytes]) -> None:
    """They are called by the bucket `logs`, as they always were, and the other one has nothing of those hours."""
    entries = [
        each
        for hour in HOURS
        for each in log_anchor.entries(f"logs/{hour}", digests(Client(logs), "logs", hour, locked=False))
    ]
    body, head = chain(entries, NOW, "pod")
    seen = found(logs, {records_of.segment_key(head.writer, 1): body})
    assert (seen.findings, seen.hours, seen.unanchored) == ((), len(HOURS), ())
    logs[f"{HOURS[0]}n-0.jsonl.gz"] = b"edited"
    assert len(found(logs, {records_of.segment_key(head.writer, 1): body}).findings) == 1


def test_an_edit_between_two_anchors_is_seen_although_the_later_one_agrees(
    logs: dict[str, bytes], segments: dict[str, bytes], access: dict[str, list[Contents]]
) -> None:
    key = f"{HOURS[-1]}n-0.jsonl.gz"
    logs[key] = b"edited"
    client = Client(logs, access)
    anchor(client, ENVIRONMENT, NOW + timedelta(seconds=1), "later")
    assert [each.writer for each in found(logs, segments | client.put, access).findings] == [f"logs/{key}"]


def test_hours_without_an_anchor_are_no_damage_and_are_said(logs: dict[str, bytes]) -> None:
    seen = found(logs, {})
    assert (seen.findings, seen.unanchored) == ((), tuple(f"logs/{hour}" for hour in HOURS))
    assert found({}, {}).unanchored == (), "where nothing was logged, nothing is missing"


def test_the_record_of_the_anchors_is_itself_whole(segments: dict[str, bytes]) -> None:
    checked = verify(segments)
    assert not checked.findings
    assert {each.entry.kind for each in reading.records(segments.items())} == {records_of.Kind.LOGS}


def test_a_digest_is_that_of_the_object(logs: dict[str, bytes]) -> None:
    made = digests(Client(logs), "logs", HOURS[0], locked=False)
    assert made["n-0.jsonl.gz"] == hashlib.sha256(logs[f"{HOURS[0]}n-0.jsonl.gz"]).hexdigest()


def test_the_command_fails_for_a_damaged_log_and_names_it(
    logs: dict[str, bytes],
    segments: dict[str, bytes],
    access: dict[str, list[Contents]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "of_stack", lambda _: Where(logs, access))
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
        *log_anchor.entries(f"logs/{HOURS[1]}", {"a": "1"}),
        *log_anchor.entries(f"access-logs/{HOURS[1]}", {"a": "1"}),
        *log_anchor.entries("logs/2000/01/01/00/", {"a": "1"}),
        *log_anchor.entries(f"other/{HOURS[1]}", {"a": "1"}),
        records_of.Entry(records_of.Kind.GRANT, "play", "l-x", "allowed", None),
    ]
    for entry in entries:
        told.take(records_of.follow(head, entry, NOW))
    assert [each.entry for each in told.records] == entries[:2]
    assert asked == 0


def test_no_log_is_missed_that_the_bucket_may_have_deleted_already() -> None:
    city = load_named("tiny")
    days = {each.id: each.expire_days for each in city.service("monitoring").buckets}
    assert days["logs"] and days["access-logs"] and days["logs"] < days["access-logs"]
    assert log_anchors.term(city) == timedelta(days=days["logs"] - 1)
