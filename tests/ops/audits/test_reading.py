"""The record in a folder and in a real bucket: what somebody did to the objects is found, and what they hid is still read."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalog.errors import UserError
from derive import audit
from derive.audit import Record
from derive.audit_chain import walked
from ops.audits import reading
from services.packager.store import Bucket
from tests.derive.test_audit import NOW, records, segments
from tests.media import Store

_numbers = count()


@pytest.fixture
def bucket(store: Store) -> Bucket:
    """A fresh bucket whose objects are versioned."""
    name = f"record-{next(_numbers)}"
    s3 = store.client()
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return Bucket(s3, name)


def put(bucket: Bucket, chain: dict[str, bytes]) -> None:
    for key, text in chain.items():
        bucket.put(key, text, "no-store")


@pytest.mark.integration
def test_a_sound_bucket_is_read_whole(bucket: Bucket) -> None:
    put(bucket, segments(records(10)))
    put(bucket, segments(records(10)))  # shipped once more after a crash
    kept = reading.from_bucket(bucket)
    found = walked(kept.segments())
    assert (kept.findings, found.findings, found.records) == ([], (), 10)


@pytest.mark.integration
def test_a_hidden_and_a_written_over_segment_are_found_and_read_as_they_were(bucket: Bucket) -> None:
    chain = segments(records(12))
    put(bucket, chain)
    one, two, _ = sorted(chain)
    bucket.delete([one])
    bucket.put(two, b"forged\n", "no-store")
    kept = reading.from_bucket(bucket)
    assert dict(kept.segments()) == chain
    assert [(each.sequence, each.says.partition(";")[0]) for each in kept.findings] == [
        (1, "the object was deleted and hides"),
        (5, "another object was put over it"),
    ]


@pytest.mark.integration
def test_old_chains_are_not_fetched_when_only_late_ones_are_wanted(bucket: Bucket) -> None:
    put(bucket, segments(records(4, "old", NOW - timedelta(days=3))))
    late = segments(records(4, "late"))
    put(bucket, late)
    assert dict(reading.from_bucket(bucket, NOW).segments()) == late


class Counted(bytes):
    """Contents of an object; how many there are at a time, and the most that there were."""

    alive = most = 0

    def __new__(cls, content: bytes) -> Counted:
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)
        return super().__new__(cls, content)

    def __del__(self) -> None:
        Counted.alive -= 1


class Listed:
    """As much of S3 as is asked for: versions in the order in which a store lists them, so many a page; a deletion has no content."""

    def __init__(self, rows: list[tuple[str, bytes | None]], page: int) -> None:
        self.rows, self.page = rows, page

    def get_paginator(self, _: str) -> Listed:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        for at in range(0, len(self.rows), self.page):
            part = range(at, min(at + self.page, len(self.rows)))
            found = [(str(each), *self.rows[each]) for each in part]
            rows = [{"Key": key, "VersionId": name, "ETag": content, "IsLatest": True} for name, key, content in found]
            yield {
                "Versions": [each for each in rows if each["ETag"] is not None],
                "DeleteMarkers": [each for each in rows if each["ETag"] is None],
                "IsTruncated": part.stop < len(self.rows),
                "NextKeyMarker": found[-1][1],
            }

    def get_object(self, **asked: str) -> dict[str, Any]:
        key, content = self.rows[int(asked["VersionId"])]
        assert key == asked["Key"] and content is not None
        return {"Body": SimpleNamespace(read=lambda: content)}


def listed(chains: dict[str, bytes], page: int = 1000) -> reading.Kept:
    return reading.from_bucket(Bucket(Listed(sorted(chains.items()), page), "audit"))


@pytest.mark.parametrize("page", [1, 2, 3, 7, 100])
def test_what_was_done_to_objects_is_found_wherever_the_store_s_pages_end(page: int) -> None:
    one, two = segments(records(12)), segments(records(12, "pod-b"))
    hidden, over = min(one), max(two)
    rows: list[tuple[str, bytes | None]] = []
    for key, text in sorted({**one, **two}.items()):
        rows += [(key, None)] if key == hidden else [(key, b"forged\n")] if key == over else []
        rows.append((key, text))
    kept = reading.from_bucket(Bucket(Listed(rows, page), "audit"))
    found = walked(kept.segments())
    assert (found.findings, found.records) == ((), 24), "the first versions are sound"
    assert [(each.writer, each.sequence) for each in kept.findings] == [
        audit.segment_of(hidden),
        audit.segment_of(over),
    ]
    assert dict(kept.segments()) == {**one, **two}
    assert len(kept.findings) == 2, "read once more, it is the same"


def test_verifying_holds_a_few_segments_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    chains = {key: text for pod in "abc" for key, text in segments(records(200, f"pod-{pod}"), size=2).items()}
    monkeypatch.setattr(reading, "bytes", Counted, raising=False)
    Counted.alive = Counted.most = 0
    found = walked(reading.shown(listed(chains, page=64).segments()))
    assert (found.findings, found.records) == ((), 600)
    # Those that are fetched ahead, and the one that is looked at.
    assert 1 <= Counted.most <= reading.READERS + 2
    assert Counted.alive == 0


def test_following_somebody_holds_what_is_taken_and_no_other_record(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = most = 0
    real = audit.parse

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def parse(text: bytes) -> Record:
        nonlocal alive, most
        found = real(text)
        weakref.finalize(found, gone)
        alive += 1
        most = max(most, alive)
        return found

    monkeypatch.setattr(audit, "parse", parse)
    kept = listed(segments(records(300)))
    taken = reading.by_time(each for each in reading.records(kept.segments()) if each.sequence % 100 == 0)
    assert [each.sequence for each in taken] == [100, 200, 300]
    assert most <= len(taken) + 2


def test_a_folder_is_read_as_the_bucket_is(tmp_path: Path) -> None:
    chain = segments(records(10))
    for key, text in chain.items():
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(text)
    assert dict(reading.from_folder(tmp_path).segments()) == chain


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_segments_is_refused_in_words(tmp_path: Path, there: bool) -> None:
    with pytest.raises(UserError, match="holds no segment" if there else "is no folder"):
        reading.from_folder(tmp_path if there else tmp_path / "none")


def test_records_come_by_their_time_each_once_and_damaged_ones_are_passed_over() -> None:
    early, late = records(3, "b"), records(3, "a", NOW + timedelta(hours=1))
    chain = {**segments(late), **segments(early)}
    chain["copy"] = chain[next(iter(segments(early)))] + b"damaged\n"
    assert reading.by_time(reading.records(chain.items())) == [*early, *late]
    assert datetime.fromisoformat(early[0].time) == NOW.astimezone(UTC) + timedelta(seconds=1)
