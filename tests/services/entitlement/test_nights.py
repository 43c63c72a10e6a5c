"""Who plays from a school's cache is told the rendition that the night brought; whatever is amiss with the plan, they play all the same."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from derive import prefetch
from derive.prefetch import Item, Plan
from services.entitlement import nights, records
from services.entitlement.desk import Desk
from services.entitlement.nights import Nights
from services.entitlement.records import UnreadableError
from tests.media import Store as Objects
from tests.services.entitlement.conftest import FAR, LATER, LESSON, NOW, OWN, PARTNER, Ask, record
from tests.services.entitlement.test_play import Store

PLAN = Plan(
    OWN,
    0,
    1,
    1,
    1,
    (Item(f"/lessons/{LESSON}/h/master.m3u8", 1, 0, LESSON),),
    {LESSON: "v360-365"},
    rendition="v720",
)
"""One lesson is fetched, in a smaller rendition than others, since it has no larger one."""
KEY = f"plans/{OWN}.json"
HERE = f"?place={OWN}"


def stored(plan: Plan = PLAN, **changes: Any) -> bytes:
    """A plan as it lies in the bucket."""
    return json.dumps({**plan.document(NOW), **changes}, separators=(",", ":")).encode()


Making = Callable[..., Nights]


@pytest.fixture
def made() -> Iterator[Making]:
    """``made(fetch)``: nights that end with the test."""
    found: list[Nights] = []

    def make(*words: Any) -> Nights:
        found.append(Nights(*words))
        return found[-1]

    yield make
    for each in found:
        each.close()


@pytest.fixture(autouse=True)
def planned(desk: Desk, store: Store, made: Making) -> None:
    """The school has a plan, and the desk reads it."""
    store[KEY] = stored()
    desk.nights = made(store.get)


def test_from_a_school_s_cache_the_rendition_of_the_plan_is_named(ask: Ask) -> None:
    without = ask(query=f"?place={PARTNER}").json()
    assert ask(query=HERE).json() == {**without, "place": OWN, "rendition": "v360-365"}


def test_it_is_named_to_who_holds_the_token_too_and_only_to_who_may_play(ask: Ask, store: Store) -> None:
    answer = ask(query=HERE, X_Token_In_Body="1").json()
    assert answer["token"] and answer["rendition"] == "v360-365"
    store[f"{LESSON}/lesson.json"] = record(LESSON, FAR, "members")
    assert "rendition" not in ask(query=HERE).json()


def test_from_the_city_nothing_holds_the_player_back(ask: Ask, desk: Desk, made: Making) -> None:
    def read(key: str) -> bytes | None:
        raise AssertionError(key)

    desk.nights = made(read)
    answer = ask()
    assert answer.json()["place"] == "city"
    assert "rendition" not in answer.json()
    assert not desk.nights._asked


def test_a_lesson_that_the_plan_leaves_out_comes_in_any_rendition(ask: Ask, store: Store) -> None:
    store[f"{LATER}/lesson.json"] = record(LATER)
    assert "rendition" not in ask(lesson=LATER, query=HERE).json()


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"[]",
        b"not json",
        b"\xff\xfe",
        b"[" * 60_000 + b',"items":',
        stored()[:40],
        stored(school=PARTNER),
        stored(school=None),
        stored(lessons=None),
        stored(lessons=[LESSON]),
        stored(lessons={LESSON: 360}),
        stored(lessons={LESSON: "../v360"}),
        stored(lessons={}),
        stored().replace(b'"lessons":', b'"other":'),
    ],
)
def test_without_a_plan_or_with_one_that_is_foreign_or_cut_the_lesson_plays(
    ask: Ask, store: Store, text: bytes | None
) -> None:
    del store[KEY]
    store.update({} if text is None else {KEY: text})
    answer = ask(query=HERE)
    assert (answer.status_code, answer.json()["place"]) == (200, OWN)
    assert "rendition" not in answer.json()


def test_a_store_that_fails_is_no_plan(ask: Ask, desk: Desk, made: Making) -> None:
    def read(key: str) -> bytes | None:
        raise UnreadableError(key)

    desk.nights = made(read)
    answer = ask(query=HERE)
    assert (answer.status_code, answer.json().get("rendition")) == (200, None)


def test_a_store_that_is_slow_is_waited_for_once_and_for_a_moment(made: Making) -> None:
    answers, asked = threading.Event(), list[str]()

    def read(key: str) -> bytes | None:
        asked.append(key)
        answers.wait(30)
        return stored()

    found, begun = made(read), time.monotonic()
    assert found.rendition(OWN, LESSON) is None
    waited = time.monotonic() - begun
    assert nights.PATIENCE_SECONDS <= waited < 10 * nights.PATIENCE_SECONDS
    begun = time.monotonic()
    assert {found.rendition(OWN, LESSON) for _ in range(10)} == {None}
    assert time.monotonic() - begun < nights.PATIENCE_SECONDS, "nobody waits for it a second time"
    assert asked == [KEY]
    answers.set()
    found._asked[OWN].answer.result(10)
    assert found.rendition(OWN, LESSON) == "v360-365"


@pytest.mark.parametrize(("after", "read"), [(29.9, 1), (30.1, 2)])
def test_a_plan_is_read_again_after_half_a_minute(made: Making, after: float, read: int) -> None:
    times, asked = [0.0], list[str]()

    def fetch(key: str) -> bytes | None:
        asked.append(key)
        return stored() if len(asked) == 1 else None

    found = made(fetch, lambda: times[0])
    assert found.rendition(OWN, LESSON) == found.rendition(OWN, LESSON) == "v360-365"
    times[0] = after
    assert found.rendition(OWN, LESSON) == ("v360-365" if read == 1 else None)
    assert len(asked) == read


def test_of_a_day_with_many_lessons_only_the_beginning_is_read(
    objects: Objects, made: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = tuple(f"l-{number:016}" for number in range(500))
    items = tuple(Item(f"/lessons/{each}/{number:05}.m4s", 1, 0, each) for each in lessons for number in range(20))
    text = stored(Plan(OWN, 0, 1, 1, 1, items, dict.fromkeys(lessons, "v360-365"), rendition="v360-365"))
    assert len(text) > 10 * prefetch.HEAD_BYTES
    _, bucket = objects.pair()
    bucket.put(KEY, text, "")
    monkeypatch.setattr("boto3.client", lambda *_, **__: bucket.s3)
    read = records.s3_fetch(bucket.name, prefetch.HEAD_BYTES)
    assert len(read(KEY) or b"") == prefetch.HEAD_BYTES
    found = made(read)
    assert found.rendition(OWN, lessons[-1]) == "v360-365"
    assert found.rendition(PARTNER, lessons[-1]) is None, "it has no plan"
