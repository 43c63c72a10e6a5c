"""The ladder as the packager is told it."""

from __future__ import annotations

import json

import pytest

from catalog import City, load_named
from catalog.media import Rendition
from derive import ladder, lesson
from services.packager.request import parse


@pytest.fixture(scope="module")
def city() -> City:
    return load_named("tiny")


def _with(city: City, *rows: tuple[str, int, int, int]) -> City:
    rungs = tuple(Rendition(id=name, width=width, height=height, video_kbps=kbps) for name, width, height, kbps in rows)
    return city.model_copy(update={"ladder": rungs})


def test_every_rendition_of_the_catalog_is_a_rung(city: City) -> None:
    assert {(row["name"], row["kbps"]) for row in ladder.rungs(city)} == {(r.id, r.video_kbps) for r in city.ladder}


def test_a_second_rung_of_one_size_is_finer(city: City) -> None:
    rows = ladder.rungs(_with(city, ("b", 1280, 720, 4500), ("a", 1280, 720, 3000), ("c", 640, 360, 365)))
    assert [(row["name"], row["crf"]) for row in rows] == [("c", 23), ("a", 23), ("b", 20)]


def test_the_recipe_changes_with_the_ladder_and_with_nothing_else(city: City) -> None:
    other = _with(city, ("a", 1280, 720, 3000))
    assert ladder.recipe(city) == ladder.recipe(city.model_copy(update={"schools": city.schools[:1]}))
    assert ladder.recipe(city) != ladder.recipe(other)
    longer = city.packaging.model_copy(update={"segment_seconds": 4})
    assert ladder.recipe(city) != ladder.recipe(city.model_copy(update={"packaging": longer}))


@pytest.mark.parametrize("segment", range(1, 11))
def test_chunks_are_whole_segments(city: City, segment: int) -> None:
    packaging = city.packaging.model_copy(update={"segment_seconds": segment, "keyframe_seconds": 1})
    told = ladder.ladder(city.model_copy(update={"packaging": packaging}))
    assert told["chunk_seconds"] % segment == 0
    assert 0 < told["chunk_seconds"] <= 60


@pytest.mark.parametrize("name", ["tiny", "neijiang"])
def test_the_packager_accepts_what_every_worked_city_asks_for(name: str) -> None:
    made = load_named(name)
    content = "a" * 64
    request = {"id": lesson.lesson_id(content, "1"), "content_hash": content, "about": {"title": "t"}}
    parsed = parse(json.dumps({**request, "recipe": ladder.recipe(made), "ladder": ladder.ladder(made)}))
    assert len(parsed.rungs) == len(made.ladder)


def test_working_room_grows_with_the_upload_by_twice_its_size(city: City) -> None:
    assert ladder.working_bytes(city, 5_000_000) - ladder.working_bytes(city, 0) == 10_000_000
