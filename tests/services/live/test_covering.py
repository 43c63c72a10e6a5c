"""What a recording is made of, by what is on the disk and what is in the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.live.covering import Piece, lasts, plan
from services.live.joining import TAIL, Content
from services.live.streamed import Run, Stretch

WIDE = 16 / 9


def part(run: str, seconds: float, *, codec: str = "h264", shape: float = WIDE) -> Content:
    return Content(Path(f"{run}.ts"), 0, 1, int(seconds * 10), seconds + TAIL, codec, shape)


def run(name: str, *numbers: int, header: bool = True, heard: bool = True, lacks: int = 0) -> Run:
    """Segments of two seconds with ten pictures a second, a hundred bytes each."""
    shown = dict.fromkeys((*([0] if header else []), *numbers), 100)
    return Run(name, shown, frozenset(shown) if heard else frozenset(), 2, 10, lacks)


def brief(pieces: tuple[Piece, ...]) -> list[tuple[str, float]]:
    """Where each piece is from, and its seconds."""
    return [
        (f"{each.run} {each.first}-{each.last}" if isinstance(each, Stretch) else each.file.stem, round(lasts(each), 1))
        for each in pieces
    ]


def test_what_is_all_on_the_disk_is_taken_as_it_came_in() -> None:
    found = plan([part("r1", 9), part("r2", 5)], [run("r1", 1, 2, 3, 4), run("r2", 1, 2)], WIDE)
    assert brief(found.pieces) == [("r1", 9), ("r2", 5)]
    assert (found.streamed, found.pictures) == (0, 140) and found.held == pytest.approx(found.came)


def test_a_run_whose_part_is_gone_is_taken_from_the_bucket_in_its_place() -> None:
    found = plan([part("r20", 5)], [run("r20", 1, 2), run("r30", 1), run("r3", 1, 2, 3, lacks=5)], WIDE)
    assert brief(found.pieces) == [("r3 1-3", 5.5), ("r20", 5), ("r30 1-1", 2)]
    assert (found.streamed, found.pictures, found.left) == (7.5, 55 + 50 + 20, 0)


def test_a_part_that_ends_before_its_run_is_cut_where_a_segment_begins() -> None:
    found = plan([part("r1", 5.4)], [run("r1", *range(1, 11))], WIDE)
    assert brief(found.pieces) == [("r1", 3.9), ("r1 3-10", 16)]
    assert (found.pieces[0].seconds, found.pieces[0].pictures, found.came) == (4, 39, 20)


def test_a_part_that_holds_less_than_a_segment_is_all_taken_from_the_bucket() -> None:
    assert brief(plan([part("r1", 1)], [run("r1", 1, 2, 3, 4)], WIDE).pieces) == [("r1 1-4", 8)]


def test_a_part_is_cut_only_where_the_bucket_goes_on() -> None:
    assert brief(plan([part("r1", 5)], [run("r1", 1, 2, 8, 9)], WIDE).pieces) == [("r1", 5), ("r1 8-9", 4)]


def test_segments_that_are_missing_are_a_gap_that_is_counted() -> None:
    found = plan([], [run("r1", 1, 2, 5, 6, lacks=10)], WIDE)
    assert brief(found.pieces) == [("r1 1-2", 4), ("r1 5-6", 3)]
    assert (found.held, found.came) == (7, 11)


def test_what_has_no_header_cannot_be_shown_and_is_counted() -> None:
    found = plan([], [run("r1", 1, 2, header=False), run("r2", 1)], WIDE)
    assert (brief(found.pieces), found.came) == ([("r2 1-1", 2)], 6)


@pytest.mark.parametrize("different", [part("r2", 5, codec="hevc"), part("r2", 5, shape=4 / 3)])
def test_a_part_that_fits_to_nothing_streamed_makes_room_for_its_run_from_the_bucket(different: Content) -> None:
    lost, mine = run("r1", 1, 2), run("r2", 1, 2)
    assert brief(plan([different], [lost, mine], WIDE).pieces) == [("r1 1-2", 4), ("r2 1-2", 4)]
    assert brief(plan([different], [mine], WIDE).pieces) == [("r2", 5)], "it is alone, and as it came in"


def test_parts_of_two_kinds_are_one_recording_where_one_of_them_was_streamed() -> None:
    parts = [part("r1", 5), part("r2", 9, codec="hevc")]
    found = plan(parts, [run("r1", 1, 2), run("r2", 1, 2, 3, 4)], WIDE)
    assert (brief(found.pieces), found.left) == ([("r1", 5), ("r2 1-4", 8)], 0)


def test_without_anything_streamed_the_longest_part_decides_and_the_other_is_counted() -> None:
    found = plan([part("r1", 5), part("r2", 9, codec="hevc")], [], WIDE)
    assert (brief(found.pieces), found.left, found.pictures) == ([("r2", 9)], 50, 140)
    assert found.came == pytest.approx(14) and found.held == pytest.approx(9)


def test_stretches_for_which_there_is_no_room_are_left_out_and_counted() -> None:
    whole = plan([part("r2", 5)], [run("r1", 1, 2, 3), run("r2", 1, 2), run("r3", 1)], WIDE)
    found = whole.fitting(250)
    assert brief(found.pieces) == [("r2", 5), ("r3 1-1", 2)]
    assert (found.pictures, found.came) == (whole.pictures, whole.came) and found.held == pytest.approx(found.came - 6)
    assert brief(whole.fitting(-1).pieces) == [("r2", 5)]


def test_sound_is_there_where_its_header_and_its_first_segment_are() -> None:
    heard = [run("r1", 1, 2).stretches(), run("r1", 1, 2, heard=False).stretches()]
    assert [[each.heard for each in stretches] for stretches in heard] == [[True], [False]]
