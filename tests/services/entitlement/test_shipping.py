"""Segments reach the locked bucket of a real versitygw, once the store is there again at the latest, and nobody gets them out."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from catalog import names
from derive import audit
from derive.audit_chain import verify
from local.ports import free_port
from services.entitlement import settings, shipping
from services.entitlement.audit import MOST_WAITING, Outcome, Trail
from services.entitlement.shipping import Shipper, Waiting, locking
from services.store import apply
from tests.media import ROOT, Store
from tests.services.entitlement.conftest import LESSON
from tests.services.entitlement.test_records import _files

DAYS = 190
_numbers = count()


@pytest.fixture
def bucket(objects: Store) -> str:
    """A fresh bucket, made as the set-up Job makes it."""
    name = f"audit-{next(_numbers)}"
    wanted = {"name": name, "versioned": True, "locked_days": DAYS, "policy": None}
    assert apply.apply(objects.client(), wanted) == ["created", f"locked for {DAYS} days"]
    assert apply.apply(objects.client(), wanted) == []
    return name


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit", "pod", "p")


def decide(trail: Trail, times: int = 1) -> None:
    for _ in range(times):
        trail.decided(None, Outcome("play", LESSON, "sign-in-needed", None))


def shipped(s3: Any, bucket: str) -> dict[str, bytes]:
    rows = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {row["Key"]: s3.get_object(Bucket=bucket, Key=row["Key"])["Body"].read() for row in rows}


@pytest.mark.integration
def test_what_is_shipped_is_whole_leaves_the_disk_and_its_end_is_printed(
    objects: Store,
    bucket: str,
    trail: Trail,
    caplog: pytest.LogCaptureFixture,
) -> None:
    s3, ends = objects.client(), []
    shipper = Shipper(trail, locking(s3, bucket, DAYS), 60)
    for _ in range(2):
        decide(trail, 3)
        with caplog.at_level(logging.INFO, "services.entitlement"):
            assert shipper.ship() == 1
        ends.append(json.loads(caplog.messages[-1])[shipping.HEAD])
    found = verify(shipped(s3, bucket), [audit.Head(**each) for each in ends])
    assert (found.findings, found.records) == ((), 7)
    assert [each["sequence"] for each in ends] == [4, 7]
    assert list(trail.folder.glob("*/*")) == []
    assert trail.waits == 0


@pytest.mark.integration
def test_the_owner_of_the_store_cannot_delete_or_shorten_a_shipped_record(
    objects: Store,
    bucket: str,
    trail: Trail,
    proof: Callable[[str, str], None],
) -> None:
    s3 = objects.client()
    Shipper(trail, locking(s3, bucket, DAYS), 60).ship()
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    place = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
    until = s3.get_object_retention(**place)["Retention"]
    assert until["Mode"] == "COMPLIANCE"
    assert until["RetainUntilDate"] > datetime.now(UTC) + timedelta(days=DAYS - 1)
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    attempts: tuple[Callable[[], Any], ...] = (
        lambda: s3.delete_object(**place),
        lambda: s3.delete_object(**place, BypassGovernanceRetention=True),
        lambda: s3.put_object_retention(**place, Retention=soon, BypassGovernanceRetention=True),
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match="object lock"):
            attempt()
    # A shorter default of the bucket does not reach what is there.
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=apply._rule(1))
    with pytest.raises(ClientError, match="object lock"):
        s3.delete_object(**place)
    assert s3.get_object(**place)["Body"].read()
    tried = len(attempts) + 1
    proof(
        "audit: a locked record is deleted or its lock shortened by the store's owner", f"{tried} attempts: 0 deleted"
    )


@pytest.mark.integration
def test_a_store_that_does_not_answer_keeps_everything_on_the_disk_until_it_does(
    objects: Store,
    bucket: str,
    trail: Trail,
) -> None:
    away = Store(f"http://127.0.0.1:{free_port()}").client()
    away.meta.config.retries = {"max_attempts": 0}
    decide(trail, 2)
    with pytest.raises(Exception, match="connect"):
        Shipper(trail, locking(away, bucket, DAYS), 60).ship()
    decide(trail, 2)
    s3 = objects.client()
    assert Shipper(trail, locking(s3, bucket, DAYS), 60).ship() == 2
    found = verify(shipped(s3, bucket))
    assert (found.findings, found.records) == ((), 5)


def test_one_thread_ships_at_once_what_is_there_and_at_the_end_what_came(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "audit", "pod", "p")
    taken: dict[str, bytes] = {}
    shipper = Shipper(trail, taken.__setitem__, 3600)
    shipper.start()
    decide(trail, 5)
    shipper.stop()
    assert verify(taken).records == 6


def test_a_round_that_fails_is_not_the_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trail, taken = Trail(tmp_path / "audit", "pod", "p"), dict[str, bytes]()
    failures = iter([OSError("store is away"), ValueError("nonsense")])

    def put(key: str, body: bytes) -> None:
        if error := next(failures, None):
            raise error
        taken[key] = body

    shipper = Shipper(trail, put, 0.01)
    shipper.start()
    while not taken:
        time.sleep(0.01)
    shipper.stop()
    assert verify(taken).records == 1
    assert "waits on this disk: OSError: store is away" in caplog.text


def test_what_a_killed_process_left_is_shipped_by_the_next(tmp_path: Path) -> None:
    decide(Trail(tmp_path / "audit", "pod", "p"), 3)
    taken: dict[str, bytes] = {}
    Shipper(Trail(tmp_path / "audit", "pod", "p"), taken.__setitem__, 60).ship()
    found = verify(taken)
    assert (found.findings, found.records, len(found.heads)) == ((), 5, 2)


def test_of_chains_that_are_shipped_and_over_no_folder_is_left_and_a_writer_goes_on(tmp_path: Path) -> None:
    times = [datetime(2026, 11, 28, 8, tzinfo=UTC)]
    trail = Trail(tmp_path / "audit", "pod", "p", lambda: times[-1])
    taken: dict[str, bytes] = {}
    shipper = Shipper(trail, taken.__setitem__, 60)
    held = []
    for day in range(5):
        times.append(times[0] + timedelta(days=day, minutes=1))
        decide(trail)
        shipper.ship()
        held.append(len(list(trail.folder.iterdir())))
        decide(trail)
        shipper.ship()
    # The one that goes on, and the one before it, to which a thread may still be writing.
    assert held == [1, 2, 2, 2, 2]
    found = verify(taken)
    assert (found.findings, found.records, len(found.heads)) == ((), 15, 5)


def test_while_one_thread_ships_all_the_time_no_writer_loses_its_folder(tmp_path: Path) -> None:
    begun, lock = datetime(2026, 11, 28, 8, tzinfo=UTC), threading.Lock()
    moments = count()

    def clock() -> datetime:
        with lock:
            return begun + timedelta(minutes=7 * next(moments))

    trail, taken = Trail(tmp_path / "audit", "pod", "p", clock), dict[str, bytes]()
    shipper = Shipper(trail, taken.__setitem__, 0)
    shipper.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: decide(trail), range(600)))
    shipper.stop()
    found = verify(taken)
    assert found.findings == ()
    assert found.records == 600 + len(found.heads) and len(found.heads) > 3


def test_what_a_dead_process_left_of_chains_that_are_shipped_goes(tmp_path: Path) -> None:
    (tmp_path / "audit" / audit.writer_id(datetime(2026, 11, 27, tzinfo=UTC), "pod")).mkdir(parents=True)
    trail = Trail(tmp_path / "audit", "pod", "p")
    Shipper(trail, lambda *_: None, 60).ship()
    assert len(list(trail.folder.iterdir())) == 1


@pytest.fixture
def service(objects: Store, bucket: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The service as a process of its own, and its address; its port is the program's own, so it must be free here."""
    from services.entitlement.__main__ import PORT

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"port {PORT} is taken on this machine")
    own = {
        **_files(tmp_path),
        settings.BUCKET: bucket,
        shipping.FOLDER: str(tmp_path / "audit"),
        shipping.BUCKET: bucket,
        shipping.DAYS: str(DAYS),
        shipping.SECONDS: "3600",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.entitlement"],
        cwd=ROOT,
        env={**os.environ, **objects.variables(), **own},
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{PORT}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{address}/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process, address
    finally:
        process.kill()
        process.wait()


@pytest.mark.integration
def test_a_service_told_to_end_ships_first(
    service: tuple[subprocess.Popen[bytes], str],
    objects: Store,
    bucket: str,
) -> None:
    process, address = service
    assert httpx.post(f"{address}/access/play/{LESSON}").status_code == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    texts = shipped(objects.client(), bucket)
    kinds = [audit.parse(line).entry.why for key in sorted(texts) for line in texts[key].splitlines(keepends=True)]
    assert kinds == ["start", "no-such-lesson"]


def figures(trail: Trail, now: datetime) -> dict[str, float]:
    """What Prometheus reads -> value."""
    return {each.name: each.samples[0].value for each in Waiting(trail, lambda: now).collect()}


def test_how_long_and_how_much_waits_is_told_until_it_is_shipped(tmp_path: Path) -> None:
    start = datetime(2026, 11, 28, 8, tzinfo=UTC)
    times = [start]
    trail = Trail(tmp_path / "audit", "pod", "p", lambda: times[-1])
    taken: dict[str, bytes] = {}
    shipper = Shipper(trail, taken.__setitem__, 60)
    times.append(start + timedelta(minutes=10))
    decide(trail)
    told = figures(trail, start + timedelta(minutes=15))
    assert told[names.METRIC_AUDIT_AGE] == 15 * 60, "from the oldest record, and not from the newest"
    assert told[names.METRIC_AUDIT_BYTES] == sum(path.stat().st_size for path in trail.folder.glob("*/*"))
    assert told[names.METRIC_AUDIT_BYTES] < told[names.METRIC_AUDIT_LIMIT] == MOST_WAITING
    shipper.ship()
    assert (figures(trail, times[-1])[names.METRIC_AUDIT_AGE], trail.waits) == (0, 0)
    decide(trail)
    assert figures(trail, start + timedelta(minutes=11))[names.METRIC_AUDIT_AGE] == 60
    assert figures(trail, start)[names.METRIC_AUDIT_AGE] == 0, "a clock that was set back"


def test_what_waits_of_a_process_that_was_killed_counts_too(tmp_path: Path) -> None:
    start = datetime(2026, 11, 28, 8, tzinfo=UTC)
    dead = Trail(tmp_path / "audit", "pod", "p", lambda: start)
    (segment,) = dead.folder.glob("*/*.open")
    later = start + timedelta(hours=1)
    trail = Trail(tmp_path / "audit", "pod", "p", lambda: later)
    assert figures(trail, later)[names.METRIC_AUDIT_AGE] == 3600
    segment.with_suffix(".jsonl").write_bytes(b"{damaged")
    assert figures(trail, later)[names.METRIC_AUDIT_AGE] == 0, "a line that is no record is passed over"
