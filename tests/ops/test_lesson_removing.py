"""`huiju lesson rm`, as it is typed: cut off anywhere, the same command finishes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from ops.cdns import doors, purging
from ops.cli import app
from ops.lessons import indexing, job, place, withdrawing
from ops.lessons.place import Place
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]
LESSON, OTHER = "l-" + "a" * 16, "l-" + "b" * 16


class Caches:
    """What was purged from the cluster's caches; no answer where ``away``."""

    def __init__(self) -> None:
        self.purged: list[str] = []
        self.away = False

    def doors(self, _: Place) -> list[Any]:
        if self.away:
            raise UserError("the cluster does not answer")
        return []

    def purge(self, _: Sequence[Any], paths: Sequence[str]) -> dict[str, int]:
        self.purged += paths
        return {}


@pytest.fixture
def lessons(unshipped: None, store: Store, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A stack with one lesson."""
    uploads, found = store.pair()
    found.put(f"{LESSON}/lesson.json", json.dumps({"id": LESSON, "title": "Tea"}).encode(), "")
    found.put(f"{LESSON}/h/master.m3u8", b"#EXTM3U", "")

    @contextmanager
    def buckets(_: Place) -> Iterator[tuple[Bucket, Bucket]]:
        yield uploads, found

    monkeypatch.setattr(Place, "buckets", buckets)
    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {"city": "tiny"}, None, None))
    monkeypatch.setattr(indexing, "follow", lambda *_: None)
    monkeypatch.setattr(job, "remove_of", lambda *_: None)
    return found


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch) -> Caches:
    found = Caches()
    monkeypatch.setattr(doors, "of", found.doors)
    monkeypatch.setattr(purging, "pods", found.purge)
    return found


def remove(lesson: str) -> Result:
    return CliRunner().invoke(app, ["lesson", "rm", lesson, "--yes"])


def test_a_removal_that_emptied_the_store_and_reached_no_cache_is_finished_by_the_same_command(
    lessons: Bucket, caches: Caches
) -> None:
    caches.away = True
    assert "does not answer" in str(remove(LESSON).exception)
    assert not list(lessons.objects(f"{LESSON}/"))
    caches.away = False
    assert remove(LESSON).exit_code == 0
    assert set(caches.purged) == {f"/lessons/{LESSON}/lesson.json", f"/lessons/{LESSON}/h/master.m3u8"}


def test_a_lesson_that_never_was_or_was_only_purged_is_none(lessons: Bucket, caches: Caches) -> None:
    withdrawing.announce_purge(lessons, OTHER, [f"{OTHER}/lesson.json"], timedelta(days=1))
    for each in (OTHER, "l-" + "c" * 16):
        assert "there is no lesson" in str(remove(each).exception)
    assert caches.purged == []
