"""From a timetable to plans in a real store: what differs is written, what is there stays, and what is over is taken back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from derive import prefetch
from derive.prefetch import Night, Plan
from ops.cdns import nights, timetable
from ops.cdns.rights import Rights
from ops.cdns.timetable import Day
from services.packager.store import Bucket
from tests.builders import changed
from tests.media import Store, store

__all__ = ["store"]

ONE, TWO = "l-" + "a" * 16, "l-" + "b" * 16
TOWNSHIP, VILLAGE = "2990100005", "2990100006"
EVENING, NOON = datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 11, 30, 4, tzinfo=UTC)


@dataclass
class Steps:
    """What a progress bar would hear."""

    heard: list[tuple[str, int, int]]

    def __call__(self, name: str, done: int, total: int) -> None:
        self.heard.append((name, done, total))


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


@pytest.fixture
def lessons(store: Store, tiny: City) -> Bucket:
    """Two published lessons."""
    _, bucket = store.pair()
    for lesson in (ONE, TWO):
        record = {
            "id": lesson, "recipe": "r", "master": f"{lesson}/h/master.m3u8",
            "renditions": [{"name": rung.id} for rung in tiny.ladder], "published": "2026-09-01T00:00:00Z",
            "school": {"code": "2990100001"}, "licence": {"id": "open-sharing"},
        }  # fmt: skip
        bucket.put(f"{lesson}/lesson.json", json.dumps(record).encode(), "")
        bucket.put(f"{lesson}/h/master.m3u8", b"#EXTM3U", "")
        for rung in tiny.ladder:
            bucket.put(f"{lesson}/h/r/{rung.id}/00000.m4s", b"x" * rung.height, "")
    return bucket


def day(folder: Path, city: City, *rows: tuple[str, str]) -> Day:
    """A timetable with these (school, lesson) in the second period."""
    file = folder / "day.csv"
    lines = [f"2026-11-30,{school},p2,{lesson},2" for school, lesson in rows]
    file.write_text("\n".join(["date,school,period,lesson,classes", *lines]) + "\n")
    return timetable.read(file, city)


def planned(of: Day, city: City, lessons: Bucket) -> tuple[Night, tuple[Plan, ...]]:
    night, found = Night(city, of.day, {}), nights.find(of, lessons, Rights.of(city, "local"), Steps([]))
    return night, night.plans(found.showings, found.media)


def published(of: Day, city: City, lessons: Bucket, *, whole: bool = True) -> nights.Written:
    night, plans = planned(of, city, lessons)
    return nights.publish(night, plans, nights.of_bucket(lessons), lessons, EVENING, Steps([]), whole=whole)


def held(lessons: Bucket, school: str) -> dict[str, Any]:
    found = lessons.read_json(f"plans/{school}.json")
    assert found is not None
    return found


def test_a_plan_in_the_bucket_is_what_its_box_reads(tiny: City, lessons: Bucket, tmp_path: Path) -> None:
    of = day(tmp_path, tiny, (VILLAGE, ONE))
    assert published(of, tiny, lessons).new == (VILLAGE,)
    plan = held(lessons, VILLAGE)
    assert [item["path"] for item in plan["items"]] == [
        f"/lessons/{ONE}/h/master.m3u8",
        f"/lessons/{ONE}/h/r/{tiny.ladder[-1].id}/00000.m4s",
    ]
    assert [item["bytes"] for item in plan["items"]] == [7, 720]
    stored = lessons.s3.get_object(Bucket=lessons.name, Key=f"plans/{VILLAGE}.json")["Body"].read()
    assert prefetch.head(stored)["lessons"] == {ONE: tiny.ladder[-1].id}
    answer = lessons.s3.head_object(Bucket=lessons.name, Key=f"plans/{VILLAGE}.json")
    assert answer["CacheControl"] == "public, max-age=5"


def test_the_same_again_is_only_dated_anew_and_an_interrupted_run_goes_on(
    tiny: City, lessons: Bucket, tmp_path: Path
) -> None:
    of = day(tmp_path, tiny, (VILLAGE, ONE), (TOWNSHIP, TWO))
    night, plans = planned(of, tiny, lessons)

    class CutError(Exception):
        """The link drops after the first plan."""

    def step(name: str, done: int, total: int) -> None:
        if done:
            raise CutError

    with pytest.raises(CutError):
        nights.publish(night, plans, nights.of_bucket(lessons), lessons, EVENING, step, whole=True)
    second = published(of, tiny, lessons)
    assert (second.new, second.same) == ((VILLAGE,), (TOWNSHIP,))
    before = held(lessons, VILLAGE)
    night, plans = planned(of, tiny, lessons)
    again = nights.publish(night, plans, nights.of_bucket(lessons), lessons, NOON, Steps([]), whole=True)
    assert again.new == ()
    # A box fetches nothing that was withdrawn since its plan was made: what was published again in between needs a newer plan.
    assert held(lessons, VILLAGE) == {**before, "made": "2026-11-30T04:00:00Z"}


def test_a_changed_timetable_replaces_what_changed_and_takes_back_what_is_gone(
    tiny: City, lessons: Bucket, tmp_path: Path
) -> None:
    published(day(tmp_path, tiny, (VILLAGE, ONE), (TOWNSHIP, ONE)), tiny, lessons)
    before = held(lessons, TOWNSHIP)["version"]
    done = published(day(tmp_path, tiny, (TOWNSHIP, TWO)), tiny, lessons)
    assert (done.new, done.cancelled) == ((TOWNSHIP,), (VILLAGE,))
    assert held(lessons, TOWNSHIP)["version"] != before
    gone = held(lessons, VILLAGE)
    assert gone["items"] == []
    assert published(day(tmp_path, tiny, (TOWNSHIP, TWO)), tiny, lessons).cancelled == (), "once is enough"
    assert gone["kbps"] > 0, "a box takes no plan without a rate"


def test_one_school_s_plan_takes_nobody_else_s_back(tiny: City, lessons: Bucket, tmp_path: Path) -> None:
    published(day(tmp_path, tiny, (VILLAGE, ONE)), tiny, lessons)
    assert published(day(tmp_path, tiny, (TOWNSHIP, TWO)), tiny, lessons, whole=False).cancelled == ()
    assert held(lessons, VILLAGE)["items"]


def test_a_school_that_lost_its_box_has_its_plan_taken_back_and_gets_no_other(
    tiny: City, lessons: Bucket, tmp_path: Path
) -> None:
    of = day(tmp_path, tiny, (VILLAGE, ONE))
    published(of, tiny, lessons)
    boxless = changed(tiny, link_budget=tiny.link_budget.model_copy(update={"boxless": (VILLAGE,)}))
    done = published(of, boxless, lessons)
    assert (done.new, done.cancelled) == ((), (VILLAGE,))


def test_lessons_that_cannot_be_fetched_are_named_all_at_once_with_their_lines(
    tiny: City, lessons: Bucket, tmp_path: Path
) -> None:
    lessons.delete([key for key, _, _ in lessons.objects(f"{TWO}/h/r/")])
    of = day(tmp_path, tiny, (VILLAGE, ONE), (VILLAGE, TWO), (VILLAGE, "l-" + "z" * 16))
    with pytest.raises(UserError) as refused:
        nights.find(of, lessons, Rights.of(tiny, "local"), Steps([]))
    assert "day.csv:3:lesson: " + TWO + " has no media" in str(refused.value)
    assert "day.csv:4:lesson: l-zzzzzzzzzzzzzzzz is not published" in str(refused.value)
    assert ONE not in str(refused.value)


def test_progress_is_told_from_nothing_to_all(tiny: City, lessons: Bucket, tmp_path: Path) -> None:
    steps = Steps([])
    nights.find(day(tmp_path, tiny, (VILLAGE, ONE), (VILLAGE, TWO)), lessons, Rights.of(tiny, "local"), steps)
    assert steps.heard == [("media", 0, 2), ("media", 1, 2), ("media", 2, 2)]


def test_a_night_that_is_over_is_refused_with_its_end_in_the_city_s_time(
    tiny: City, lessons: Bucket, tmp_path: Path
) -> None:
    _, plans = planned(day(tmp_path, tiny, (VILLAGE, ONE)), tiny, lessons)
    nights.refuse_late(plans, EVENING, tiny.timezone)
    with pytest.raises(UserError, match="ended at 2026-11-30 06:00: nothing was published"):
        nights.refuse_late(plans, NOON, tiny.timezone)


def test_the_plans_of_the_bucket_are_read_by_school(tiny: City, lessons: Bucket, tmp_path: Path) -> None:
    published(day(tmp_path, tiny, (VILLAGE, ONE)), tiny, lessons)
    assert list(nights.of_bucket(lessons)) == [VILLAGE]
