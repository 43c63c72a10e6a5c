"""The list of lessons: rebuilt from records, whoever writes at the same time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.packager import index
from services.packager.store import Bucket


class Memory(Bucket):
    """A bucket in memory; ``before_write`` runs once, just before the next conditional write."""

    def __init__(self, conditional: bool = True) -> None:
        super().__init__(None, "memory")
        self.kept: dict[str, bytes] = {}
        self.conditional = conditional
        self.before_write: Callable[[], None] | None = None

    def _etag(self, key: str) -> str:
        return hashlib.md5(self.kept[key], usedforsecurity=False).hexdigest()

    def put(self, key: str, body: bytes, cache: str) -> str:
        self.kept[key] = body
        return self._etag(key)

    def get(self, key: str) -> tuple[bytes, str] | None:
        return (self.kept[key], self._etag(key)) if key in self.kept else None

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        return iter(
            [(key, len(body), self._etag(key)) for key, body in sorted(self.kept.items()) if key.startswith(prefix)]
        )

    def put_if(self, key: str, body: bytes, etag: str | None, cache: str) -> bool:
        hook, self.before_write = self.before_write, None
        if hook:
            hook()
        if self.conditional and (self._etag(key) if key in self.kept else None) != etag:
            return False
        self.put(key, body, cache)
        return True

    def publish(self, name: str, **more: Any) -> None:
        record = {"id": name, "title": name, "published": "2026-01-01T00:00:00Z", **more}
        self.put(f"{name}/lesson.json", json.dumps(record).encode(), "")

    def listed(self) -> list[str]:
        return [row["id"] for row in json.loads(self.kept[index.KEY])["lessons"]]


def test_the_list_names_every_record_newest_first() -> None:
    bucket = Memory()
    bucket.publish("l-a", published="2026-01-01T00:00:00Z")
    bucket.publish("l-c", published="2026-01-02T00:00:00Z")
    bucket.publish("l-b", published="2026-01-02T00:00:00Z")
    index.rebuild(bucket)
    assert bucket.listed() == ["l-b", "l-c", "l-a"]


def test_an_empty_library_has_an_empty_list() -> None:
    bucket = Memory()
    index.rebuild(bucket)
    assert bucket.listed() == []


def test_a_rebuild_that_changes_nothing_writes_nothing() -> None:
    bucket = Memory()
    bucket.publish("l-a")
    index.rebuild(bucket)
    bucket.before_write = lambda: pytest.fail("written without need")
    index.rebuild(bucket)


@pytest.mark.parametrize("conditional", [True, False])
def test_whoever_is_overtaken_while_writing_loses_no_lesson(conditional: bool) -> None:
    bucket = Memory(conditional)
    bucket.publish("l-a")

    def overtake() -> None:
        bucket.publish("l-b")
        index.rebuild(bucket)

    bucket.before_write = overtake
    index.rebuild(bucket)
    assert bucket.listed() == ["l-a", "l-b"]


def test_a_lost_or_damaged_list_is_made_again() -> None:
    bucket = Memory()
    bucket.publish("l-a")
    bucket.put(index.KEY, b"{ damaged", "")
    index.rebuild(bucket)
    assert bucket.listed() == ["l-a"]


def test_a_damaged_record_hides_only_itself() -> None:
    bucket = Memory()
    bucket.publish("l-a")
    bucket.put("l-b/lesson.json", b"{ damaged", "")
    bucket.put("l-c/0000/lesson.json", b'{"id": "deeper"}', "")
    index.rebuild(bucket)
    assert bucket.listed() == ["l-a"]


def test_a_list_that_never_holds_still_is_an_error_not_a_hang() -> None:
    bucket = Memory()
    bucket.publish("l-a")
    bucket.put_if = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(index.ContendedError):
        index.rebuild(bucket)
