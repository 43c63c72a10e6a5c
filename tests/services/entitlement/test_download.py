"""Who asks to take a lesson away gets a token that opens its file and plays nothing, or a reason in both languages."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from derive import video_token
from services.entitlement import app
from services.entitlement.audit import Outcome
from services.entitlement.desk import Desk
from services.entitlement.sessions import Session
from tests.services.entitlement.conftest import (
    ALLY,
    DOCUMENT,
    FAR,
    GRANTS,
    LESSON,
    NOW,
    OWN,
    PARTNER,
    Live,
    name,
    record,
    token,
)
from tests.services.entitlement.test_play import refused, video

FILE = f"{LESSON}/{video_token.DOWNLOAD}/film.mp4"
ROW = {"path": FILE, "bytes": 7}


@pytest.fixture
def store() -> dict[str, bytes]:
    return {f"{LESSON}/lesson.json": record(LESSON, licence="handout", download=ROW)}


@pytest.fixture
def ask(desk: Desk) -> Any:
    """``ask(tier, school)``: the answer to who asks to take the lesson away. Masters may, where they reach it."""
    document = copy.deepcopy(DOCUMENT)
    document["uses"]["download"], document["actions"]["download"] = "download", name("download")
    document["classes"]["lesson"]["grants"]["download"] = {"master": GRANTS["master"]}
    object.__setattr__(desk.settings, "standing", Live(document))
    client = TestClient(app.make(desk), base_url="https://city.example")

    def run(tier: str | None = "master", school: str = OWN, what: str = "download", query: str = "") -> Any:
        headers = {"X-Token-In-Body": "1"}
        if tier:
            headers["Authorization"] = f"Bearer {token(tier, school)}"
        return client.post(f"/access/{what}/{LESSON}{query}", headers=headers)

    return run


def test_who_may_gets_the_file_and_a_token_for_its_folder_only(ask: Any) -> None:
    answer = ask()
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("path", "bytes", "place")} == {
        "path": f"/lessons/{FILE}",
        "bytes": 7,
        "place": "city",
    }
    pattern = video(answer)["cdniuc"].removeprefix("regex:")
    assert re.match(pattern, f"https://x/lessons/{FILE}")
    assert not re.match(pattern, f"https://x/lessons/{LESSON}/h/master.m3u8")
    assert f"Path=/lessons/{LESSON}/~download/" in answer.headers["set-cookie"]


def test_a_token_to_play_does_not_open_the_file(ask: Any) -> None:
    pattern = video(ask(what="play"))["cdniuc"].removeprefix("regex:")
    assert re.match(pattern, f"https://x/lessons/{LESSON}/h/master.m3u8")
    assert not re.match(pattern, f"https://x/lessons/{FILE}")


def test_at_a_school_s_cache_the_token_names_it(ask: Any) -> None:
    answer = ask(query=f"?place={PARTNER}")
    assert video(answer)["aud"] == PARTNER
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("tier", "school", "reason"),
    [
        ("pupil", OWN, "tier-takes-nothing-away"),
        ("master", FAR, "out-of-reach"),
        ("master", ALLY, None),
        ("master", "9999999999", "unknown-school"),
        (None, OWN, "sign-in-to-take-away"),
    ],
)
def test_only_whom_the_matrix_names_takes_away(ask: Any, tier: str | None, school: str, reason: str | None) -> None:
    answer = ask(tier, school)
    assert answer.status_code == 200 if reason is None else refused(answer, reason)


def test_who_may_play_but_not_take_away_still_plays(ask: Any) -> None:
    assert ask("pupil", what="play").status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"licence": "free"}, "licence-without-download"),
        ({"licence": "none"}, "unknown-licence"),
        ({"published": "2026-09-14T07:59:59Z"}, "licence-ended"),
        ({"published": "2026-10-16T08:00:00Z"}, "not-yet-published"),
    ],
)
def test_the_licence_has_to_allow_it_now(
    ask: Any, store: dict[str, bytes], changes: dict[str, Any], reason: str
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, **{"licence": "handout", "download": ROW, **changes})
    assert refused(ask(), reason)


def test_the_token_never_outlives_the_licence(ask: Any, store: dict[str, bytes]) -> None:
    begun = (NOW - timedelta(days=30) + timedelta(minutes=20)).isoformat()
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="handout", download=ROW, published=begun)
    for what in ("download", "play"):
        answer = ask(what=what)
        assert answer.json()["expires"] == NOW.timestamp() + 20 * 60
        assert video(answer)["exp"] == answer.json()["expires"]


def test_a_lesson_without_a_file_says_so_to_who_may(ask: Any, store: dict[str, bytes]) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="handout")
    answer = ask()
    assert (answer.status_code, answer.json()["reason"]) == (404, "no-file-to-take-away")
    assert refused(ask("pupil"), "tier-takes-nothing-away")


@pytest.mark.parametrize(
    "path", [f"{LESSON}/h/film.mp4", f"{LESSON}/~download/../h/film.mp4", "l-bbbbbbbbbbbbbbbb/~download/film.mp4", 7]
)
def test_a_record_that_gives_away_what_lies_elsewhere_gives_nothing(
    ask: Any, store: dict[str, bytes], path: Any
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="handout", download={"path": path, "bytes": 1})
    assert (ask().status_code, ask().json()["reason"]) == (503, "record-unreadable")


def test_a_replaced_lesson_is_neither_played_nor_taken_away(ask: Any, store: dict[str, bytes]) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="handout", master=None, replaced_by="l-bbbbbbbbbbbbbbbb")
    for what in ("play", "download"):
        assert (ask(what=what).status_code, ask(what=what).json()["reason"]) == (404, "no-such-lesson")


def test_it_is_put_on_record_as_what_it_is(ask: Any, desk: Desk) -> None:
    seen: list[Outcome] = []

    class Watching:
        def decided(self, _: Session | None, outcome: Outcome) -> None:
            seen.append(outcome)

    desk.witness = Watching()
    expires = ask().json()["expires"]
    ask("pupil")
    assert [(each.action, each.resource, each.reason, each.expires) for each in seen] == [
        ("download", LESSON, None, expires),
        ("download", LESSON, "tier-takes-nothing-away", None),
    ]
