"""Taking a lesson out: off the list first, then every version of everything."""

from __future__ import annotations

import json

import pytest

from catalog.errors import UserError
from ops.lessons import library
from services.packager import index
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]

ONE, TWO = "l-" + "a" * 16, "l-" + "b" * 16


@pytest.fixture
def pair(store: Store) -> tuple[Bucket, Bucket]:
    """Two lessons, one of them written twice."""
    uploads, lessons = store.pair()
    for name in (ONE, TWO, ONE):
        for key in (f"{name}/h/master.m3u8", f"{name}/h/r/v/00000.m4s"):
            lessons.put(key, b"media", "")
        lessons.put(f"{name}/lesson.json", json.dumps({"id": name, "title": name}).encode(), "")
    uploads.put(f"work/{ONE}/h/r/sound.json", b"{}", "")
    index.rebuild(lessons)
    return uploads, lessons


def _listed(lessons: Bucket) -> list[str]:
    found = lessons.read_json(index.KEY)
    return [row["id"] for row in found["lessons"]] if found else []


def test_nothing_is_left_of_a_removed_lesson_and_the_others_stay(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    library.remove(uploads, lessons, ONE)
    assert _listed(lessons) == [TWO]
    answer = lessons.s3.list_object_versions(Bucket=lessons.name)
    left = {row["Key"] for row in (*answer.get("Versions", []), *answer.get("DeleteMarkers", []))}
    assert not [key for key in left if key.startswith(ONE)]
    assert f"{TWO}/h/r/v/00000.m4s" in left
    assert not list(uploads.objects(""))


def test_the_list_is_right_before_the_first_segment_goes(
    pair: tuple[Bucket, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, lessons = pair
    seen: list[list[str]] = []

    def note(*_: object) -> int:
        seen.append(_listed(lessons))
        return 0

    monkeypatch.setattr(library, "purge", note)
    library.remove(uploads, lessons, ONE)
    assert seen[0] == [TWO]


def test_an_interrupted_removal_is_finished_by_the_next(
    pair: tuple[Bucket, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, lessons = pair
    with monkeypatch.context() as patch:
        patch.setattr(library, "purge", lambda *_: 0)
        library.remove(uploads, lessons, ONE)
    assert library.remove(uploads, lessons, ONE) > 0
    assert not list(lessons.objects(f"{ONE}/"))


@pytest.mark.parametrize("wrong", ["", "l-", "../l-aaaaaaaaaaaaaaaa", "l-AAAAAAAAAAAAAAAA", "*"])
def test_what_is_no_lesson_id_removes_nothing(pair: tuple[Bucket, Bucket], wrong: str) -> None:
    uploads, lessons = pair
    before = list(lessons.objects(""))
    with pytest.raises(UserError, match="huiju lesson list"):
        library.remove(uploads, lessons, wrong)
    with pytest.raises(UserError, match="huiju lesson list"):
        library.record(lessons, wrong)
    assert list(lessons.objects("")) == before
