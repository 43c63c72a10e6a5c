"""Where a small picture is on its sheet."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from services.packager import thumbnails
from services.packager.request import Request, Rung, parse
from services.packager.rungs import Picture
from tests.media import wanted


def _request(**ladder: Any) -> Request:
    return parse(json.dumps(wanted("a" * 64, **ladder)))


def _picture(width: int, height: int) -> Picture:
    return Picture(Rung("v234-145", 416, 234, 145, 23), width, height, 30)


@pytest.mark.parametrize(("size", "drawn"), [((416, 234), (160, 90)), ((312, 234), (120, 90)), ((234, 416), (90, 160))])
def test_a_small_picture_keeps_the_films_shape(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    found = thumbnails.sheet(_request(), _picture(*size))
    assert found and (found.width, found.height) == drawn


def test_a_sheet_has_a_place_for_every_picture_of_a_chunk() -> None:
    found = thumbnails.sheet(_request(chunk_seconds=60, thumbnail_seconds=7), _picture(416, 234))
    assert found and (found.columns, found.rows) == (4, 3)


def test_the_track_goes_on_from_sheet_to_sheet_and_ends_with_the_film() -> None:
    found = thumbnails.sheet(_request(chunk_seconds=12, thumbnail_seconds=5), _picture(416, 234))
    assert found
    rows = re.findall(r"(\S+) --> (\S+)\n(\S+)", thumbnails.track(found, (0, 12), 12, 18.5))
    assert rows == [
        ("00:00:00.000", "00:00:05.000", "000000.jpg#xywh=0,0,160,90"),
        ("00:00:05.000", "00:00:10.000", "000000.jpg#xywh=160,0,160,90"),
        ("00:00:10.000", "00:00:12.000", "000000.jpg#xywh=320,0,160,90"),
        ("00:00:12.000", "00:00:17.000", "000012.jpg#xywh=0,0,160,90"),
        ("00:00:17.000", "00:00:18.500", "000012.jpg#xywh=160,0,160,90"),
    ]


def test_none_are_drawn_where_none_are_asked_for() -> None:
    assert thumbnails.sheet(dataclasses.replace(_request(), thumbnail_seconds=None), _picture(416, 234)) is None
