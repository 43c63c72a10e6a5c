"""The record in a folder and in a real bucket: what somebody did to the objects is found, and what they hid is still read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from catalog.errors import UserError
from derive.audit_chain import verify
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
    found = verify(kept.segments)
    assert (kept.findings, found.findings, found.records) == ((), (), 10)


@pytest.mark.integration
def test_a_hidden_and_a_written_over_segment_are_found_and_read_as_they_were(bucket: Bucket) -> None:
    chain = segments(records(12))
    put(bucket, chain)
    one, two, _ = sorted(chain)
    bucket.delete([one])
    bucket.put(two, b"forged\n", "no-store")
    kept = reading.from_bucket(bucket)
    assert kept.segments == chain
    assert [(each.sequence, each.says.partition(";")[0]) for each in kept.findings] == [
        (1, "the object was deleted and hides"),
        (5, "another object was put over it"),
    ]


@pytest.mark.integration
def test_old_chains_are_not_fetched_when_only_late_ones_are_wanted(bucket: Bucket) -> None:
    put(bucket, segments(records(4, "old", NOW - timedelta(days=3))))
    late = segments(records(4, "late"))
    put(bucket, late)
    assert reading.from_bucket(bucket, NOW).segments == late


def test_a_folder_is_read_as_the_bucket_is(tmp_path: Path) -> None:
    chain = segments(records(10))
    for key, text in chain.items():
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(text)
    assert reading.from_folder(tmp_path).segments == chain


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_segments_is_refused_in_words(tmp_path: Path, there: bool) -> None:
    with pytest.raises(UserError, match="holds no segment" if there else "is no folder"):
        reading.from_folder(tmp_path if there else tmp_path / "none")


def test_records_come_by_their_time_each_once_and_damaged_ones_are_passed_over() -> None:
    early, late = records(3, "b"), records(3, "a", NOW + timedelta(hours=1))
    chain = {**segments(late), **segments(early)}
    chain["copy"] = chain[next(iter(segments(early)))] + b"damaged\n"
    assert list(reading.records(chain)) == [*early, *late]
    assert datetime.fromisoformat(early[0].time) == NOW.astimezone(UTC) + timedelta(seconds=1)
