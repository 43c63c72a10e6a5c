"""Taking a lesson out: off the list first, then every version of everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.errors import UserError
from derive import withdrawal
from ops.lessons import library, withdrawing
from services.lesson_index import bucket
from services.packager import index
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]

ONE, TWO, THREE = "l-" + "a" * 16, "l-" + "b" * 16, "l-" + "c" * 16
KEEP = timedelta(days=14)


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
    library.remove(uploads, lessons, ONE, KEEP)
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
    library.remove(uploads, lessons, ONE, KEEP)
    assert seen[0] == [TWO]


def test_an_interrupted_removal_is_finished_by_the_next(
    pair: tuple[Bucket, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, lessons = pair
    with monkeypatch.context() as patch:
        patch.setattr(library, "purge", lambda *_: 0)
        library.remove(uploads, lessons, ONE, KEEP)
    assert library.remove(uploads, lessons, ONE, KEEP) > 0
    assert not list(lessons.objects(f"{ONE}/"))


@pytest.mark.parametrize("wrong", ["", "l-", "../l-aaaaaaaaaaaaaaaa", "l-AAAAAAAAAAAAAAAA", "*"])
def test_what_is_no_lesson_id_removes_nothing(pair: tuple[Bucket, Bucket], wrong: str) -> None:
    uploads, lessons = pair
    before = list(lessons.objects(""))
    with pytest.raises(UserError, match="huiju lesson list"):
        library.remove(uploads, lessons, wrong, KEEP)
    with pytest.raises(UserError, match="huiju lesson list"):
        library.record(lessons, wrong)
    assert list(lessons.objects("")) == before


def _withdrawn(lessons: Bucket) -> dict[str, dict[str, Any]]:
    """The entries by lesson."""
    found = lessons.read_json(withdrawal.KEY)
    return {row["id"]: row for row in found["lessons"]} if found else {}


def test_every_path_of_a_removed_lesson_is_named_before_it_goes(
    pair: tuple[Bucket, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, lessons = pair
    expected = {f"/lessons/{key}" for key, _, _ in lessons.objects(f"{ONE}/")}
    seen: list[dict[str, Any]] = []

    def look(*_: object) -> int:
        seen.append(_withdrawn(lessons))
        return 0

    monkeypatch.setattr(library, "purge", look)
    library.remove(uploads, lessons, ONE, KEEP)
    assert set(seen[0][ONE]["paths"]) == expected
    assert len(expected) == 3
    moment = datetime.fromisoformat(seen[0][ONE]["at"])
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
    head = lessons.s3.head_object(Bucket=lessons.name, Key=withdrawal.KEY)
    assert head["CacheControl"] == "public, max-age=1"


def test_nothing_is_deleted_that_could_not_be_named(
    pair: tuple[Bucket, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, lessons = pair

    def fail(*_: object) -> bool:
        return False

    monkeypatch.setattr(Bucket, "put_if", fail)
    monkeypatch.setattr("services.packager.index.rebuild", lambda _: None)
    with pytest.raises(UserError, match="run this again"):
        library.remove(uploads, lessons, ONE, KEEP)
    assert len(list(lessons.objects(f"{ONE}/h/"))) == 2


def test_removals_one_after_the_other_all_stay_named(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    library.remove(uploads, lessons, ONE, KEEP)
    library.remove(uploads, lessons, TWO, KEEP)
    assert set(_withdrawn(lessons)) == {ONE, TWO}


def test_a_damaged_list_of_withdrawals_is_written_anew(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    lessons.put(withdrawal.KEY, b"{ damaged", "")
    library.remove(uploads, lessons, ONE, KEEP)
    assert set(_withdrawn(lessons)) == {ONE}


def test_what_is_published_again_is_not_named_any_more(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    library.remove(uploads, lessons, ONE, KEEP)
    withdrawing.lift(lessons, TWO, KEEP)
    assert set(_withdrawn(lessons)) == {ONE}
    withdrawing.lift(lessons, ONE, KEEP)
    assert not _withdrawn(lessons)


def test_a_replaced_lesson_is_off_the_list_and_leads_to_the_new_one(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    library.supersede(uploads, lessons, ONE, TWO, KEEP)
    assert _listed(lessons) == [TWO]
    assert lessons.read_json(f"{ONE}/lesson.json") == {"id": ONE, "title": ONE, "replaced_by": TWO}
    assert [key for key, _, _ in lessons.objects(f"{ONE}/")] == [f"{ONE}/lesson.json"]
    assert f"/lessons/{ONE}/h/master.m3u8" in _withdrawn(lessons)[ONE]["paths"]
    assert [row["id"] for row in bucket.records(lessons.s3, lessons.name)] == [TWO]
    with pytest.raises(UserError, match=f"was replaced by {TWO}"):
        library.record(lessons, ONE)


def test_whatever_a_lesson_took_the_place_of_leads_on(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    lessons.put(f"{THREE}/lesson.json", json.dumps({"id": THREE, "replaced_by": ONE}).encode(), "")
    library.supersede(uploads, lessons, ONE, TWO, KEEP)
    library.supersede(uploads, lessons, ONE, TWO, KEEP)
    for name in (ONE, THREE):
        found = lessons.read_json(f"{name}/lesson.json")
        assert found and found["replaced_by"] == TWO


def test_what_is_left_of_a_replaced_lesson_can_be_removed(pair: tuple[Bucket, Bucket]) -> None:
    uploads, lessons = pair
    library.supersede(uploads, lessons, ONE, TWO, KEEP)
    library.remove(uploads, lessons, ONE, KEEP)
    assert not list(lessons.objects(f"{ONE}/"))
    assert f"/lessons/{ONE}/h/master.m3u8" in _withdrawn(lessons)[ONE]["paths"], (
        "named by the first, kept by the second"
    )


def test_of_what_may_be_taken_away_all_but_what_the_record_names_is_old(pair: tuple[Bucket, Bucket]) -> None:
    _, lessons = pair
    one, two = (f"{ONE}/~download/{name}.mp4" for name in ("one", "two"))
    for key in (one, two, one):
        lessons.put(key, b"film", "")
    lessons.delete([one])
    assert library.old_downloads(lessons, {"id": ONE, "download": {"path": two, "bytes": 4}}) == {one}
    assert library.old_downloads(lessons, {"id": ONE}) == {one, two}
    library.purge(lessons, one)
    assert library.old_downloads(lessons, {"id": ONE, "download": {"path": two, "bytes": 4}}) == set()
    left = lessons.s3.list_object_versions(Bucket=lessons.name, Prefix=one)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")
    assert len(list(lessons.objects(f"{ONE}/h/"))) == 2
