"""What a publish asks the packager for, and when it asks for nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog import City, load_named
from catalog.access import Use
from ops.lessons import publish
from services.packager.request import parse

CONTENT, ID = "a" * 64, "l-" + "a" * 16


@pytest.fixture(scope="module")
def city() -> City:
    return load_named("tiny")


def _asked(city: City, licence: str) -> dict[str, Any]:
    return publish.request(city, {"title": "t", "licence": {"id": licence}}, CONTENT, ID)


def test_a_file_to_take_away_is_asked_for_where_the_licence_allows_it_and_nowhere_else(city: City) -> None:
    found = {row.id: parse(json.dumps(_asked(city, row.id))).download for row in city.licences}
    assert found == {row.id: city.packaging.download if Use.DOWNLOAD in row.uses else None for row in city.licences}
    assert set(found.values()) == {city.packaging.download, None}


def test_small_pictures_are_as_far_apart_as_the_catalog_says(city: City) -> None:
    assert parse(json.dumps(_asked(city, "open-sharing"))).thumbnail_seconds == city.packaging.thumbnail_seconds


@pytest.mark.parametrize(
    ("licence", "changes", "same"),
    [
        ("school-year", {}, True),
        ("school-year", {"download": {"path": "x"}}, True),
        ("open-sharing", {}, False),
        ("open-sharing", {"download": {"path": "x"}}, True),
        ("school-year", {"recipe": "0123456789ab"}, False),
        ("school-year", {"content_hash": None}, False),
    ],
)
def test_a_job_is_started_only_for_what_is_not_there(
    city: City, licence: str, changes: dict[str, Any], same: bool
) -> None:
    wanted = _asked(city, licence)
    record = {key: wanted[key] for key in ("content_hash", "recipe")}
    assert publish._up_to_date({**record, **changes}, wanted) is same
    assert not publish._up_to_date(None, wanted)
