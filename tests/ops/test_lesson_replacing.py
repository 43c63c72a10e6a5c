"""A corrected film in a lesson's place: under the same facts, found by the old link."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.errors import UserError
from derive import lesson
from ops.lessons import replacing
from ops.lessons.replacing import Replacing
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]

SCHOOL, OLD, OTHER = "2990100001", "l-" + "a" * 16, "l-" + "b" * 16
RECORD = {"id": OLD, "title": "分数", "teacher": "李老师", "school": {"code": SCHOOL}, "licence": {"id": "own-school"}}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "new.mp4").write_bytes(b"a film")
    return tmp_path / "new.mp4"


def test_the_new_film_is_published_under_the_old_facts(film: Path) -> None:
    found = replacing.wish(RECORD, Replacing(OLD, film, ("zh=a.vtt",)))
    assert (found.file, found.title, found.school, found.teacher) == (film, "分数", SCHOOL, "李老师")
    assert (found.subject, found.licence, found.captions) == (None, "own-school", ("zh=a.vtt",))


def test_a_film_cannot_replace_itself(film: Path) -> None:
    own = lesson.lesson_id(lesson.content_hash(film), SCHOOL)
    with pytest.raises(UserError, match="plays already"):
        replacing.wish({**RECORD, "id": own}, Replacing(own, film))


def test_an_interrupted_run_goes_on_but_another_film_does_not_take_over(film: Path) -> None:
    own = lesson.lesson_id(lesson.content_hash(film), SCHOOL)
    assert replacing.wish({**RECORD, "replaced_by": own}, Replacing(OLD, film)).title == "分数"
    with pytest.raises(UserError, match=f"was replaced by {OTHER}: replace that one"):
        replacing.wish({**RECORD, "replaced_by": OTHER}, Replacing(OLD, film))


def test_a_missing_film_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        replacing.wish(RECORD, Replacing(OLD, tmp_path / "none.mp4"))


def test_the_new_lesson_says_whose_place_it_took(store: Store) -> None:
    lessons: Bucket = store.pair()[1]
    lessons.put(f"{OTHER}/lesson.json", json.dumps({**RECORD, "id": OTHER}).encode(), "")
    made = replacing.note(lessons, OTHER, OLD)
    assert made["replaces"] == OLD
    assert lessons.read_json(f"{OTHER}/lesson.json") == made


def test_captions_that_come_at_the_same_moment_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lessons, key = store.pair()[1], f"{OTHER}/lesson.json"
    lessons.put(key, json.dumps({**RECORD, "id": OTHER}).encode(), "")
    spoken, real = {"captions": [{"lang": "zh"}]}, Bucket.put_if

    def put_if(bucket: Bucket, at: str, body: bytes, etag: str | None, cache: str) -> bool:
        monkeypatch.setattr(Bucket, "put_if", real)
        bucket.put(key, json.dumps({**RECORD, "id": OTHER, **spoken}).encode(), "")
        return bucket.put_if(at, body, etag, cache)

    monkeypatch.setattr(Bucket, "put_if", put_if)
    assert replacing.note(lessons, OTHER, OLD) == {**RECORD, "id": OTHER, **spoken, "replaces": OLD}
    assert lessons.read_json(key) == {**RECORD, "id": OTHER, **spoken, "replaces": OLD}


def test_a_new_lesson_that_is_gone_or_was_replaced_itself_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons, key = store.pair()[1], f"{OTHER}/lesson.json"
    with pytest.raises(UserError, match="there is no lesson"):
        replacing.note(lessons, OTHER, OLD)
    lessons.put(key, json.dumps({lesson.REPLACED: OLD}).encode(), "")
    with pytest.raises(UserError, match="was replaced by"):
        replacing.note(lessons, OTHER, OLD)
    lessons.put(key, json.dumps({**RECORD, "id": OTHER}).encode(), "")
    monkeypatch.setattr(Bucket, "put_if", lambda *_: False)
    with pytest.raises(UserError, match="changes faster than it can be written"):
        replacing.note(lessons, OTHER, OLD)
