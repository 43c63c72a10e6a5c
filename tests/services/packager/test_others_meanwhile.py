"""What others write into a lesson's record while its film is packaged is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.lessons import captions
from ops.lessons.captions import Caption
from services.packager import request
from services.packager.errors import PackagingError
from services.packager.packaging import Packaging
from services.packager.store import Bucket
from tests.media import Store, digest, record, wanted

KEY = "l-test/lesson.json"
TEXT = "WEBVTT\n\n00:01.000 --> 00:02.500\nhello\n"
Again = Callable[[], dict[str, Any]]


@pytest.fixture
def again(store: Store, tmp_path: Path) -> tuple[Bucket, Again]:
    """The bucket of lessons with one that has a film and captions in Yi, and what packages it once more by another recipe."""
    film, (uploads, lessons) = record(tmp_path / "film.mp4", seconds=3), store.pair()
    uploads.put(digest(film), film.read_bytes(), "no-store")

    def package(recipe: str) -> dict[str, Any]:
        asked = request.parse(json.dumps({**wanted(digest(film)), "recipe": recipe}))
        (tmp_path / recipe).mkdir(exist_ok=True)
        return Packaging(asked, uploads, lessons, tmp_path / recipe, quiet=True).run()

    captions.publish(lessons, package("0" * 12), [Caption("ii", TEXT)], lessons.delete)
    return lessons, lambda: package("1" * 12)


def _add(lessons: Bucket, lang: str, *gone: str) -> None:
    now = lessons.read_json(KEY)
    assert now
    captions.publish(lessons, now, [Caption(lang, TEXT)], lessons.delete, gone)


def test_captions_that_come_and_go_while_the_film_is_encoded_or_its_record_is_written(
    again: tuple[Bucket, Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons, package = again
    encoded, put_if = Packaging._to_take_away, Bucket.put_if

    def after(self: Packaging, made: dict[str, Any]) -> dict[str, Any]:
        _add(lessons, "zh", "ii")
        return encoded(self, made)

    def first(self: Bucket, key: str, body: bytes, etag: str | None, cache: str) -> bool:
        # The first to write the record behind the hook is the packager.
        if key == KEY and json.loads(body)["recipe"] == "1" * 12:
            monkeypatch.setattr(Bucket, "put_if", put_if)
            _add(lessons, "en")
        return put_if(self, key, body, etag, cache)

    monkeypatch.setattr(Packaging, "_to_take_away", after)
    monkeypatch.setattr(Bucket, "put_if", first)
    made = package()
    assert (made["recipe"], [row["lang"] for row in made["captions"]]) == ("1" * 12, ["en", "zh"])
    assert lessons.read_json(KEY) == made
    master = (lessons.get(made["master"]) or (b"", ""))[0].decode()
    assert [f'LANGUAGE="{lang}"' in master for lang in ("en", "zh", "ii")] == [True, True, False]
    assert "/".join([made["recipe"], "v360-365"]) in master


def test_whose_place_a_lesson_took_and_since_when_it_is_there_stay(
    again: tuple[Bucket, Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons, package = again
    encoded = Packaging._to_take_away

    def after(self: Packaging, made: dict[str, Any]) -> dict[str, Any]:
        now = lessons.read_json(KEY) or {}
        told = {**now, "replaces": "l-old", "published": "2026-01-01T00:00:00Z"}
        lessons.put(KEY, json.dumps(told).encode(), "")
        return encoded(self, made)

    monkeypatch.setattr(Packaging, "_to_take_away", after)
    made = package()
    assert (made["replaces"], made["published"]) == ("l-old", "2026-01-01T00:00:00Z")


def test_a_record_that_is_damaged_is_written_anew_and_one_that_never_holds_still_is_said(
    again: tuple[Bucket, Again], monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons, package = again
    lessons.put(KEY, b"{", "")
    assert package()["recipe"] == "1" * 12
    lessons.put(KEY, b"{", "")
    monkeypatch.setattr(Bucket, "put_if", lambda *_: False)
    with pytest.raises(PackagingError, match="changes faster than it can be written"):
        package()
