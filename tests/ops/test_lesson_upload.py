"""Uploads that stop and go on, against a real object store."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from ops.lessons import upload
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]


class StoppedError(Exception):
    """What the tests throw to stop an upload."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four parts, the last one short."""
    monkeypatch.setattr(upload, "PART", 5 << 20)
    made = tmp_path / "lesson.mp4"
    made.write_bytes(os.urandom((15 << 20) + 1000))
    return made


def _content(uploads: Bucket, key: str) -> str:
    found = uploads.get(key)
    assert found
    return hashlib.sha256(found[0]).hexdigest()


def _count_parts(bucket: Bucket) -> list[int]:
    sent: list[int] = []

    def note(params: dict[str, Any], **_: object) -> None:
        sent.append(int(params["PartNumber"]))

    bucket.s3.meta.events.register("provide-client-params.s3.UploadPart", note)
    return sent


def _stop_after(number: int) -> Any:
    seen: list[int] = []

    def on_bytes(done: int) -> None:
        seen.append(done)
        if len(seen) == number:
            raise StoppedError

    return on_bytes


def test_a_file_arrives_whole_with_progress_to_its_end(store: Store, file: Path) -> None:
    uploads, _ = store.pair()
    said: list[int] = []
    upload.send(uploads, "k", file, said.append)
    assert _content(uploads, "k") == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said == sorted(said)
    assert said[-1] == file.stat().st_size


def test_an_interrupted_upload_sends_only_what_is_missing(store: Store, file: Path) -> None:
    uploads, _ = store.pair()
    with pytest.raises(StoppedError):
        upload.send(uploads, "k", file, _stop_after(2))
    assert uploads.get("k") is None
    sent = _count_parts(uploads)
    upload.send(uploads, "k", file, lambda _: None)
    assert sent == [3, 4]
    assert _content(uploads, "k") == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_part_that_differs_is_sent_again(store: Store, file: Path) -> None:
    uploads, _ = store.pair()
    with pytest.raises(StoppedError):
        upload.send(uploads, "k", file, _stop_after(2))
    file.write_bytes(os.urandom(10) + file.read_bytes()[10:])
    sent = _count_parts(uploads)
    upload.send(uploads, "k", file, lambda _: None)
    assert sent == [1, 3, 4]
    assert _content(uploads, "k") == hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_is_there_is_not_sent_again(store: Store, file: Path) -> None:
    uploads, _ = store.pair()
    upload.send(uploads, "k", file, lambda _: None)
    sent = _count_parts(uploads)
    upload.send(uploads, "k", file, lambda _: None)
    assert sent == []
