"""What caches are told of withdrawn lessons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from catalog import load_named
from derive import withdrawal

ONE, TWO = "l-" + "a" * 16, "l-" + "b" * 16
NOW = datetime(2026, 11, 29, 5, tzinfo=UTC)
KEEP = timedelta(days=14)


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
