"""What caches are told of withdrawn lessons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import load_named
from derive import lesson, withdrawal
from tests import box_cache

ONE, TWO = "l-" + "a" * 16, "l-" + "b" * 16
NOW = datetime(2026, 11, 29, 5, tzinfo=UTC)
KEEP = timedelta(days=14)


@pytest.fixture(scope="module")
def box() -> Iterator[Any]:
    """The box's side of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(box_cache.FILES))
        from keeper import withdrawals  # type: ignore[import-not-found]  # as it lies on the box

        yield withdrawals


def test_an_entry_says_which_lesson_when_and_every_path() -> None:
    (entry,) = withdrawal.noted([], ONE, [f"{ONE}/h/b", f"{ONE}/h/a"], NOW, KEEP)
    assert entry == {"id": ONE, "at": "2026-11-29T05:00:00Z", "paths": [f"/lessons/{ONE}/h/a", f"/lessons/{ONE}/h/b"]}


def test_a_withdrawal_that_goes_on_names_what_it_named_before_and_is_new_to_who_heard_of_it() -> None:
    first = withdrawal.noted([], ONE, [f"{ONE}/h/a"], NOW, KEEP)
    (entry,) = withdrawal.noted(first, ONE, [f"{ONE}/h/b"], NOW + timedelta(seconds=9), KEEP)
    assert entry["paths"] == [f"/lessons/{ONE}/h/a", f"/lessons/{ONE}/h/b"]
    assert entry["at"] == "2026-11-29T05:00:09Z"


def test_a_purge_says_that_it_is_one_and_leaves_a_withdrawal_as_it_is() -> None:
    first = withdrawal.noted([], ONE, [f"{ONE}/h/a"], NOW, KEEP)
    found = withdrawal.purged(first, ONE, [f"{ONE}/h/a"], NOW, KEEP)
    assert found == [
        *first,
        {"id": ONE, "at": "2026-11-29T05:00:00Z", "kind": "purged", "paths": [f"/lessons/{ONE}/h/a"]},
    ]
    assert withdrawal.lifted(found, ONE, NOW, KEEP) == found[1:], "published again it is withdrawn no more"


def test_a_second_purge_names_no_path_twice_and_a_withdrawal_takes_the_place_of_both() -> None:
    first = withdrawal.purged([], ONE, [f"{ONE}/a", f"{ONE}/b"], NOW, KEEP)
    second = withdrawal.purged(first, ONE, [f"{ONE}/b"], NOW + timedelta(seconds=9), KEEP)
    assert [row["paths"] for row in second] == [[f"/lessons/{ONE}/a"], [f"/lessons/{ONE}/b"]]
    assert second[0]["at"] == first[0]["at"], "who heard of it gives it up no more"
    assert len(withdrawal.purged(second, ONE, [f"{ONE}/a", f"{ONE}/b"], NOW, KEEP)) == 1
    assert len(withdrawal.purged(second, TWO, [f"{TWO}/a"], NOW, KEEP)) == 3
    (entry,) = withdrawal.noted(second, ONE, [], NOW, KEEP)
    assert (entry["paths"], withdrawal.of_purge(entry)) == ([f"/lessons/{ONE}/a", f"/lessons/{ONE}/b"], False)


def _names(lesson: str) -> list[str]:
    """The keys of a lesson of 45 minutes: seven tracks of 450 segments, a picture of the time line for each minute."""
    folder = f"{lesson}/{'0f' * 32}/{'1e' * 6}"
    tracks = [[f"{folder}/{track}/{name}" for name in ("init.mp4", "index.m3u8", *(f"{at:05d}.m4s" for at in range(450)))]
              for track in ("sound", "v234-145", "v360-365", "v432-1100", "v540-2000", "v720-3000", "v1080-6000")]  # fmt: skip
    pictures = [f"{folder}/thumbnails/{at:06d}.jpg" for at in range(0, 2700, 60)]
    return [
        f"{lesson}/lesson.json",
        f"{lesson}/{'0f' * 32}/master.m3u8",
        *pictures,
        *(key for each in tracks for key in each),
    ]


def _ids(count: int) -> list[str]:
    return [lesson.lesson_id(str(number), "2990100001") for number in range(count)]


@pytest.mark.parametrize("change", [withdrawal.noted, withdrawal.purged])
def test_two_hundred_lessons_of_one_week_are_a_short_document(change: Callable[..., list[withdrawal.Entry]]) -> None:
    known: list[withdrawal.Entry] = []
    for each in _ids(201):
        known = change(known, each, _names(each), NOW, KEEP)
    assert len(json.dumps({"lessons": known}, indent=1)) < 700_000, "which every box is sent at each change"
    assert sorted(withdrawal.paths_of(known[200])) == sorted(map(lesson.public_path, _names(_ids(201)[200])))


def test_what_a_kit_of_before_wrote_is_folded_by_the_next_change() -> None:
    old = [{"id": ONE, "at": "2026-11-29T05:00:00Z", "paths": sorted(map(lesson.public_path, _names(ONE)))}]
    first = withdrawal.noted(old, TWO, [], NOW, KEEP)[0]
    assert len(first["paths"]) < 30
    assert (sorted(withdrawal.paths_of(first)), first["at"]) == (old[0]["paths"], old[0]["at"])


NAMES = st.builds("{}{:0{}d}.{}".format, st.sampled_from(("/a/", "/a/b-", "/a/7")), st.integers(0, 40),
                  st.integers(1, 3), st.sampled_from(("m4s", "jpg")))  # fmt: skip


@given(st.sets(st.one_of(NAMES, st.sampled_from(("/a/master", "/a/5", "/a/v1.2/init.mp4")))))
def test_patterns_are_the_names_that_they_were_made_of_on_both_sides(box: Any, names: set[str]) -> None:
    found = withdrawal.folded(names)
    assert sorted(withdrawal.paths_of({"paths": found})) == sorted(names)
    assert withdrawal.folded(found) == found
    assert sorted(box.paths({"paths": found})) == sorted(names)


@pytest.mark.parametrize(("seconds", "stays"), [(0, True), (1, False)])
def test_an_entry_stays_as_long_as_a_cache_may_need_it(seconds: int, stays: bool) -> None:
    first = withdrawal.noted([], ONE, [], NOW, KEEP)
    found = withdrawal.noted(first, TWO, [], NOW + KEEP + timedelta(seconds=seconds), KEEP)
    assert [row["id"] for row in found] == ([ONE, TWO] if stays else [TWO])


@pytest.mark.parametrize("city", ["tiny", "neijiang"])
def test_entries_are_kept_a_week_longer_than_any_token_or_stale_copy_lives(city: str) -> None:
    known = load_named(city)
    week = timedelta(days=7)
    assert withdrawal.kept(known) - week >= timedelta(minutes=known.playback.token_minutes)
    assert withdrawal.kept(known) - week >= week, "a box serves what it holds for a week without a link"


@pytest.mark.parametrize("document", [None, [], "x", {}, {"lessons": None}, {"lessons": [1, {"id": ONE}]}])
def test_what_is_no_list_of_withdrawals_is_an_empty_one(document: object) -> None:
    assert withdrawal.entries(document) == []
