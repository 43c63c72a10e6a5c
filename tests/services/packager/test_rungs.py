"""Which rungs a source gets, and how large they are drawn."""

from __future__ import annotations

import pytest

from services.packager.request import Rung
from services.packager.rungs import fit, level, pictures

LADDER = tuple(
    Rung(f"v{height}", width, height, kbps, 23)
    for width, height, kbps in ((416, 234, 145), (640, 360, 365), (1280, 720, 3000), (1920, 1080, 6000))
)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ((1920, 1080), ["v234", "v360", "v720", "v1080"]),
        ((1918, 1080), ["v234", "v360", "v720", "v1080"]),
        ((1280, 720), ["v234", "v360", "v720"]),
        ((1279, 719), ["v234", "v360", "v720"]),
        ((1270, 714), ["v234", "v360"]),
        ((640, 360), ["v234", "v360"]),
        ((416, 234), ["v234"]),
        ((160, 120), ["v234"]),
        ((720, 1280), ["v234", "v360", "v720"]),
    ],
)
def test_no_rung_is_larger_than_the_source_but_the_smallest_is_always_there(
    source: tuple[int, int], names: list[str]
) -> None:
    assert [picture.rung.name for picture in pictures(LADDER, *source, 25)] == names


@pytest.mark.parametrize(
    ("source", "drawn"),
    [
        ((1920, 1080), (640, 360)),
        ((1024, 768), (480, 360)),
        ((1080, 1920), (360, 640)),
        ((2560, 1080), (640, 270)),
        ((641, 361), (640, 360)),
    ],
)
def test_a_picture_keeps_its_shape_in_even_pixels(source: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert fit(LADDER[1], *source) == drawn


@pytest.mark.parametrize(
    ("size", "fps", "number"),
    [
        ((416, 234), 25, 30),
        ((640, 360), 30, 30),
        ((1280, 720), 30, 31),
        ((1280, 720), 31, 32),
        ((1920, 1080), 30, 40),
        ((1920, 1080), 31, 42),
    ],
)
def test_the_level_is_the_lowest_that_holds_the_picture(size: tuple[int, int], fps: int, number: int) -> None:
    assert level(*size, fps) == number
