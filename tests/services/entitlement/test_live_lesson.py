"""While a class is live it is watched inside the alliance only, whatever its licence says; when it has ended the licence has its say."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from services.entitlement.desk import Desk
from services.entitlement.nights import Nights
from tests.services.entitlement.conftest import ALLY, DOCUMENT, FAR, LESSON, NOW, OWN, PARTNER, Ask, name, record, token
from tests.services.entitlement.test_nights import stored
from tests.services.entitlement.test_play import Store

ENDS = NOW + timedelta(minutes=20)
UNTIL = ENDS.isoformat()
GRANTS = {
    "pupil": {"scopes": ["alliance"], "consent_below": 0, "rule": None},
    "master": {"scopes": ["alliance"], "consent_below": 0, "rule": None},
    "clerk": {"scopes": ["school"], "consent_below": 0, "rule": None},
}


def live(state: str = "live", until: str | None = UNTIL) -> dict[str, Any]:
    """What a record says of a live class."""
    return {"live": {"state": state, "master": f"{LESSON}/live/master.m3u8", "until": until, "segment_seconds": 2}}


@pytest.fixture(autouse=True)
def streamed(desk: Desk, store: Store) -> None:
    """The matrix has live lessons, and the school streams one under a licence that lets everybody play it."""
    document = copy.deepcopy(DOCUMENT)
    document["classes"]["live-lesson"] = {
        "name": name("live lesson"),
        "description": name("live lessons"),
        "held_by": "school",
        "licensed": False,
        "agreements": [],
        "grants": {"view": GRANTS},
    }
    desk.settings.standing.document = document  # type: ignore[attr-defined]
    store[f"{LESSON}/lesson.json"] = record(LESSON, master=f"{LESSON}/live/master.m3u8", **live())


@pytest.mark.parametrize(
    ("tier", "school", "reason"),
    [
        ("pupil", OWN, None),
        ("pupil", ALLY, None),
        ("master", ALLY, None),
        ("clerk", OWN, None),
        ("pupil", PARTNER, "live-in-alliance-only"),
        ("pupil", FAR, "live-in-alliance-only"),
        ("master", FAR, "live-in-alliance-only"),
        ("clerk", ALLY, "live-in-alliance-only"),
        ("mother", OWN, "live-not-for-tier"),
        ("mayor", None, "live-not-for-tier"),
        ("pupil", None, "no-school"),
    ],
)
def test_a_live_class_is_for_the_alliance(ask: Ask, tier: str, school: str | None, reason: str | None) -> None:
    assert ask(token(tier, school)).json().get("reason") == reason


def test_the_public_is_told_to_sign_in(ask: Ask) -> None:
    assert ask().json()["reason"] == "sign-in-needed"


def test_what_opens_a_class_ends_with_it(ask: Ask) -> None:
    answer = ask(token("pupil", ALLY), **{"X-Token-In-Body": "1"})
    assert answer.json()["expires"] == int(ENDS.timestamp())
    assert answer.json()["master"] == f"/lessons/{LESSON}/live/master.m3u8"


def promising(store: Store, promised: Any) -> None:
    """The class says what schools are promised of it."""
    store[f"{LESSON}/lesson.json"] = record(LESSON, master=f"{LESSON}/live/master.m3u8", promised=promised, **live())


def test_at_a_school_s_cache_a_class_comes_in_the_rendition_that_this_school_is_promised(
    ask: Ask, store: Store
) -> None:
    promising(store, {OWN: "v720", ALLY: "v360-365"})
    answer = ask(token("pupil", OWN), query=f"?place={OWN}").json()
    assert (answer["place"], answer["rendition"]) == (OWN, "v720")
    assert ask(token("pupil", ALLY), query=f"?place={ALLY}").json()["rendition"] == "v360-365"
    home = ask(token("pupil", OWN)).json()
    assert home["place"] == "city" and "rendition" not in home


@pytest.mark.parametrize(
    "promised", [None, {}, {ALLY: "v360"}, [OWN], OWN, {OWN: 360}, {OWN: "../v360"}, {OWN: ""}, {OWN: ["v360"]}]
)
def test_a_school_that_is_promised_nothing_that_makes_sense_watches_in_any_rendition(
    ask: Ask, store: Store, promised: Any
) -> None:
    promising(store, promised)
    answer = ask(token("pupil", OWN), query=f"?place={OWN}")
    assert answer.status_code == 200 and "rendition" not in answer.json()


def test_a_class_is_held_to_the_promise_and_its_recording_to_the_night(ask: Ask, desk: Desk, store: Store) -> None:
    store[f"plans/{OWN}.json"] = stored()
    desk.nights = Nights(store.get)
    answer = ask(token("pupil", OWN), query=f"?place={OWN}")
    assert answer.status_code == 200 and "rendition" not in answer.json(), "the night's is not the class's"
    store[f"{LESSON}/lesson.json"] = record(LESSON, promised={OWN: "v720"}, **live("ended", None))
    assert ask(token("pupil", OWN), query=f"?place={OWN}").json()["rendition"] == "v360-365"
    desk.nights.close()


def test_a_class_that_should_have_ended_gives_nobody_a_permission_that_has(ask: Ask, store: Store) -> None:
    for until, reason in ((NOW, "live-over"), (NOW + timedelta(seconds=1), None)):
        store[f"{LESSON}/lesson.json"] = record(LESSON, **live(until=until.isoformat()))
        assert ask(token("pupil", ALLY)).json().get("reason") == reason


@pytest.mark.parametrize(("tier", "school"), [("mother", OWN), ("pupil", FAR), ("mayor", None)])
def test_when_class_has_ended_the_licence_has_its_say(ask: Ask, store: Store, tier: str, school: str | None) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, **live("ended", None))
    assert ask(token(tier, school)).status_code == 200
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="paper", **live("ended", None))
    assert ask(token(tier, school)).status_code == 403


@pytest.mark.parametrize("said", [{"state": "paused"}, {"state": "live", "until": "soon"}, {"state": "live"}, "live"])
def test_a_live_class_that_makes_no_sense_is_not_played(ask: Ask, store: Store, said: Any) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, live=said)
    answer = ask(token("pupil", OWN))
    assert (answer.status_code, answer.json()["reason"]) == (503, "record-unreadable")
