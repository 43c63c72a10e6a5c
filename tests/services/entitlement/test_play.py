"""Who asks to play gets a token that opens that lesson and nothing else, or a reason in both languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from derive import keys, session_token
from services.entitlement.desk import Desk
from services.entitlement.reasons import REASONS
from tests.services.entitlement.conftest import (
    ALLY,
    COLLEGE,
    DOCUMENT,
    FAR,
    GONE,
    ISSUER,
    LATER,
    LESSON,
    NOW,
    OFFICE,
    OWN,
    PARTNER,
    SEED,
    Ask,
    record,
    token,
)

Store = dict[str, bytes]


def video(answer: Any) -> dict[str, Any]:
    """Claims of the token in an answer, verified."""
    key = keys.private_key(SEED, keys.VIDEO).public_key()
    options: Any = {"verify_aud": False, "verify_exp": False}
    return dict(jwt.decode(answer.json()["token"], key, algorithms=[keys.ALGORITHM], options=options))


def refused(answer: Any, reason: str) -> bool:
    body = answer.json()
    return answer.status_code == 403 and body["reason"] == reason and bool(body["en"]) and bool(body["zh"])


def test_the_public_plays_an_open_lesson_without_a_session(ask: Ask) -> None:
    answer = ask()
    assert answer.status_code == 200
    assert answer.json() == {
        "lesson": LESSON,
        "master": f"/lessons/{LESSON}/h/master.m3u8",
        "expires": int(NOW.timestamp()) + 240 * 60,
        "place": "city",
    }
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_travels_as_a_cookie_for_that_lesson_only(ask: Ask) -> None:
    cookie = ask().headers["set-cookie"]
    assert cookie.startswith("URISigningPackage=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", f"path=/lessons/{LESSON}/", "max-age=14400"} <= parts


def test_the_token_is_in_the_body_only_for_who_asks_for_it(ask: Ask) -> None:
    assert "token" not in ask().json()
    claims = video(ask(X_Token_In_Body="1"))
    assert claims["iss"] == ISSUER
    assert claims["aud"] == "city"
    assert claims["exp"] == int(NOW.timestamp()) + 240 * 60
    assert re.search(rf"/lessons/{LESSON}/", claims["cdniuc"])


def test_a_token_for_a_school_s_cache_names_it_and_sets_no_cookie(ask: Ask) -> None:
    answer = ask(query=f"?place={PARTNER}", X_Token_In_Body="1")
    assert video(answer)["aud"] == PARTNER == answer.json()["place"]
    assert "set-cookie" not in answer.headers


def test_a_place_that_is_no_school_is_refused(ask: Ask) -> None:
    assert refused(ask(query="?place=city"), "unknown-place")
    assert refused(ask(query="?place=9999999999"), "unknown-place")


@pytest.mark.parametrize("lesson", [GONE, "nonsense", "l-" + "A" * 16, f"{LESSON}%2f..", "index.json"])
def test_an_unknown_lesson_is_not_found_in_words(ask: Ask, lesson: str) -> None:
    answer = ask(lesson=lesson)
    assert answer.status_code == 404
    if "%2f" not in lesson:
        assert answer.json()["reason"] == "no-such-lesson"


@pytest.mark.parametrize(
    ("tier", "school", "owner", "reason"),
    [
        ("pupil", OWN, OWN, None),
        ("pupil", OWN, PARTNER, None),
        ("pupil", OWN, ALLY, "out-of-reach"),
        ("pupil", ALLY, PARTNER, "out-of-reach"),
        ("master", OWN, ALLY, None),
        ("master", PARTNER, ALLY, "out-of-reach"),
        ("clerk", PARTNER, ALLY, None),
        ("clerk", PARTNER, FAR, "out-of-reach"),
        ("mayor", None, FAR, None),
        ("pupil", None, OWN, "no-school"),
        ("pupil", "9999999999", OWN, "unknown-school"),
        ("robot", OWN, OWN, "tier-plays-nothing"),
        ("stranger", OWN, OWN, "unknown-tier"),
        ("mayor", None, "9999999999", "unknown-owner"),
    ],
)
def test_each_tier_plays_what_it_reaches(  # noqa: PLR0917
    ask: Ask, store: Store, tier: str, school: str | None, owner: str, reason: str | None
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, owner, "members")
    answer = ask(token(tier, school))
    assert answer.status_code == 200 if reason is None else refused(answer, reason), answer.text


@pytest.mark.parametrize(
    ("tier", "place", "owner", "reason"),
    [
        ("clerk", {"district": "near"}, OWN, None),
        ("clerk", {"district": "near"}, FAR, "out-of-reach"),
        ("clerk", {"district": "far"}, FAR, None),
        ("clerk", {"district": "nowhere"}, OWN, "no-school"),
        ("clerk", {"district": OFFICE}, OWN, "no-school"),
        ("pupil", {"district": "near"}, OWN, "out-of-reach"),
        ("guest", {"partner": COLLEGE}, PARTNER, None),
        ("guest", {"partner": COLLEGE}, ALLY, "out-of-reach"),
        ("guest", {"partner": "factory"}, OWN, "out-of-reach"),
        ("guest", {"partner": "nobody"}, OWN, "no-school"),
        ("guest", {"district": "near"}, OWN, "out-of-reach"),
        ("guest", {}, OWN, "no-school"),
    ],
)
def test_a_district_and_a_partner_count_as_the_rules_say(
    ask: Ask, store: Store, *, tier: str, place: dict[str, str], owner: str, reason: str | None
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, owner, "members")
    answer = ask(token(tier, None, **place))
    assert answer.status_code == 200 if reason is None else refused(answer, reason), answer.text


@pytest.mark.parametrize(("day", "reason"), [("2026-10-16", "agreement-not-begun"), ("2026-10-15", None)])
def test_an_agreement_with_a_partner_opens_from_its_first_day_on(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, day: str, reason: str | None
) -> None:
    monkeypatch.setitem(DOCUMENT["agreements"]["pact"], "starts", day)
    store[f"{LESSON}/lesson.json"] = record(LESSON, PARTNER, "members")
    answer = ask(token("guest", None, partner=COLLEGE))
    assert answer.status_code == 200 if reason is None else refused(answer, reason), answer.text


@pytest.mark.parametrize("place", ["school", "district", "partner"])
def test_a_place_that_is_no_text_makes_no_session(ask: Ask, place: str) -> None:
    wrong: dict[str, Any] = {"school": OWN, place: ["near"]}
    assert refused(ask(token("clerk", **wrong)), "session-invalid")


@pytest.mark.parametrize(
    ("tier", "licence", "reason"),
    [
        ("pupil", "year", None),
        ("mayor", "year", "licence-not-for-tier"),
        ("pupil", "paper", "licence-without-streaming"),
        ("pupil", "unheard-of", "unknown-licence"),
    ],
)
def test_the_licence_says_whom_it_lets_stream(
    ask: Ask, store: Store, tier: str, licence: str, reason: str | None
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence=licence)
    answer = ask(token(tier))
    assert answer.status_code == 200 if reason is None else refused(answer, reason), answer.text


@pytest.mark.parametrize(
    ("tier", "school"),
    [("pupil", FAR), ("pupil", None), ("robot", OWN), ("stranger", OWN), ("pupil", "9999999999")],
)
def test_signing_in_takes_nothing_away_of_what_everybody_may_play(ask: Ask, tier: str, school: str | None) -> None:
    assert ask(token(tier, school)).status_code == 200


def test_what_is_open_to_the_public_is_not_for_a_session_that_does_not_count(ask: Ask) -> None:
    assert refused(ask("nonsense"), "session-invalid")


def test_the_public_is_told_to_sign_in_where_an_account_would_help(ask: Ask, store: Store) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="year")
    assert refused(ask(), "sign-in-needed")


@pytest.mark.parametrize(("seconds", "reason"), [(1, None), (0, "licence-ended"), (-1, "licence-ended")])
def test_a_licence_ends_to_the_second_and_no_token_lasts_longer(
    ask: Ask, store: Store, seconds: int, reason: str | None
) -> None:
    published = NOW - timedelta(days=30) + timedelta(seconds=seconds)
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="year", published=published.isoformat())
    answer = ask(token())
    if reason:
        assert refused(answer, reason)
    else:
        assert answer.json()["expires"] == int(NOW.timestamp()) + seconds


def limited(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    """The licence `members` with these limits."""
    for key, value in limits.items():
        monkeypatch.setitem(DOCUMENT["licences"]["members"], key, value)


@pytest.mark.parametrize(("tier", "school", "reason"), [
    ("master", OWN, None), ("master", ALLY, "licence-own-school-only"), ("mayor", None, "licence-own-school-only"),
])  # fmt: skip
def test_what_is_for_its_own_school_is_played_there_only(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, *, tier: str, school: str | None, reason: str | None
) -> None:
    limited(monkeypatch, reach="school")
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    answer = ask(token(tier, school))
    assert refused(answer, reason) if reason else answer.status_code == 200


@pytest.mark.parametrize(("tier", "place", "reason"), [
    ("clerk", {"district": "near"}, None), ("clerk", {"district": "nowhere"}, "no-school"),
    ("guest", {"partner": COLLEGE}, "licence-not-for-tier"),
])  # fmt: skip
def test_what_is_for_the_city_is_for_its_offices_too_and_for_no_partner(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, *, tier: str, place: dict[str, str], reason: str | None
) -> None:
    limited(monkeypatch, reach="city")
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    answer = ask(token(tier, None, **place))
    assert refused(answer, reason) if reason else answer.status_code == 200


@pytest.mark.parametrize(("tier", "school", "reason"), [
    ("mayor", None, None), ("pupil", OWN, None), ("pupil", None, "no-school"), ("mayor", "9999999999", "unknown-school"),
])  # fmt: skip
def test_what_is_for_the_city_is_for_its_schools_and_for_who_works_for_all_of_them(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, *, tier: str, school: str | None, reason: str | None
) -> None:
    limited(monkeypatch, reach="city")
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    answer = ask(token(tier, school))
    assert refused(answer, reason) if reason else answer.status_code == 200


def test_a_reach_that_is_not_known_is_taken_for_the_narrowest(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, reach="galaxy")
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    assert refused(ask(token("master", ALLY)), "licence-own-school-only")


def test_a_lesson_for_paid_seats_is_refused_to_a_session_that_names_nobody_who_could_hold_one(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, seats=400)
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    assert refused(ask(token()), "licence-needs-seat")


@pytest.mark.parametrize(
    ("starts", "ends", "reason"), [(0, 1, None), (1, 9, "licence-not-begun"), (-9, 0, "licence-ended")]
)
def test_a_window_opens_and_closes_to_the_second_and_no_token_outlasts_it(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, *, starts: int, ends: int, reason: str | None
) -> None:
    window = {key: (NOW + timedelta(seconds=at)).isoformat() for key, at in (("starts", starts), ("ends", ends))}
    limited(monkeypatch, window=window)
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    answer = ask(token())
    assert refused(answer, reason) if reason else answer.json()["expires"] == int(NOW.timestamp()) + ends


def test_what_is_dated_ahead_is_not_played_yet(ask: Ask, store: Store) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, published=(NOW + timedelta(minutes=1)).isoformat())
    assert refused(ask(), "not-yet-published")


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (("2026-10-15", "2026-10-15"), None),
        (("2026-10-16", "2026-10-20"), "agreement-not-begun"),
        (("2026-10-01", "2026-10-14"), "agreement-ended"),
    ],
)
def test_an_agreement_opens_lessons_on_its_days(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, days: tuple[str, str], reason: str | None
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, PARTNER, "members")
    for key, day in zip(("starts", "ends"), days, strict=True):
        monkeypatch.setitem(DOCUMENT["agreements"]["pact"], key, day)
    answer = ask(token())
    if reason:
        assert refused(answer, reason)
        assert "pact" in answer.json()["en"]
        assert "某pact" in answer.json()["zh"]
    else:
        # 16:00 in the city; the agreement's last day ends there at midnight, after the token's four hours.
        assert answer.json()["expires"] == int(NOW.timestamp()) + 240 * 60


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("maths", None),
        (" 某MATHS ", None),
        *((each, "agreement-other-subject") for each in ("physics", "cooking", None, 7)),
    ],
)
def test_an_agreement_about_some_subjects_opens_lessons_of_no_other(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch, subject: Any, reason: str | None
) -> None:
    monkeypatch.setitem(DOCUMENT["agreements"]["pact"], "subjects", ["maths"])
    store[f"{LESSON}/lesson.json"] = record(LESSON, PARTNER, "members", subject=subject)
    answer = ask(token())
    assert answer.status_code == 200 if reason is None else refused(answer, reason), answer.text
    if reason:
        assert "in maths only" in answer.json()["en"]
        assert "某maths" in answer.json()["zh"]


def test_an_agreement_about_the_subject_says_its_days_before_one_about_another(
    ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pact = DOCUMENT["agreements"]["pact"]
    later = {**pact, "subjects": ["maths"], "starts": "2026-10-18"}
    monkeypatch.setitem(DOCUMENT, "agreements", {"pact": {**pact, "subjects": ["physics"]}, "later": later})
    monkeypatch.setitem(DOCUMENT["classes"]["lesson"], "agreements", ["pact", "later"])
    store[f"{LESSON}/lesson.json"] = record(LESSON, PARTNER, "members", subject="maths")
    assert refused(ask(token()), "agreement-not-begun")


def test_no_token_outlasts_the_agreement_that_opens_the_lesson(
    desk: Desk, store: Store, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, PARTNER, "members")
    late = datetime(2026, 10, 20, 15, 0, tzinfo=UTC)  # 23:00 of its last day in the city
    monkeypatch.setattr(desk, "clock", lambda: late)
    session = token(exp=int(late.timestamp()) + 3600)
    assert ask(session).json()["expires"] == int(datetime(2026, 10, 20, 16, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (token(exp=int(NOW.timestamp()) - 60), "session-ended"),
        (token(nbf=int(NOW.timestamp()) + 60), "session-invalid"),
        (token(iss="https://other.example"), "session-invalid"),
        (token(aud="other"), "session-invalid"),
        (token(purpose=keys.VIDEO), "session-invalid"),
        (token(kid="session-9"), "session-invalid"),
        (token(exp=None), "session-invalid"),
        (token(sub=None), "session-invalid"),
        (token(None), "session-invalid"),
        (token(tier=["pupil"]), "session-invalid"),
        (token(school=7), "session-invalid"),
        (token()[:-6] + "AAAAAA", "session-invalid"),
        ("nonsense", "session-invalid"),
        (jwt.encode({"tier": "mayor"}, "x" * 32, "HS256", headers={"kid": "session-1"}), "session-invalid"),
        (jwt.encode({"tier": "mayor"}, "", "none", headers={"kid": "session-1"}), "session-invalid"),
    ],
)
def test_a_session_that_does_not_count_is_refused_and_never_taken_for_the_public(
    ask: Ask, session: str, reason: str
) -> None:
    assert refused(ask(session), reason)


def test_a_session_counts_from_a_cookie_too_and_the_header_comes_first(
    client: TestClient, ask: Ask, store: Store
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    client.cookies.set(session_token.COOKIE, token("robot"))
    assert refused(ask(), "tier-plays-nothing")
    assert ask(token("pupil")).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"not json",
        record(LESSON, licence=None),  # type: ignore[arg-type]
        record(LESSON, published="2026-10-01"),
        record(LESSON, master="../elsewhere/master.m3u8"),
        record(LATER),
    ],
)
def test_a_record_that_makes_no_sense_plays_nothing(ask: Ask, store: Store, text: bytes) -> None:
    store[f"{LESSON}/lesson.json"] = text
    answer = ask()
    assert (answer.status_code, answer.json()["reason"]) == (503, "record-unreadable")
    assert "set-cookie" not in answer.headers


def test_a_fault_of_our_own_plays_nothing(ask: Ask, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    del client
    monkeypatch.setattr("services.entitlement.rules.Rules.decide", lambda *_: 1 / 0)
    answer = ask()
    assert (answer.status_code, answer.json()["reason"]) == (503, "record-unreadable")


def test_every_reason_is_said_in_both_languages_about_the_same_facts() -> None:
    for english, chinese in REASONS.values():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese))
        assert re.search(r"[\u4e00-\u9fff]", chinese) and not re.search(r"[\u4e00-\u9fff]", english)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_playing_is_asked_for_by_post_only(client: TestClient, method: str) -> None:
    assert client.request(method, f"/access/play/{LESSON}").status_code == 405


def test_a_line_of_the_log_is_no_longer_than_it_has_to_be(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ask(lesson="l-" + "x" * 9000, query="?place=" + "9" * 9000)
    (line,) = [each.message for each in caplog.records if '"lesson"' in each.message]
    assert len(line) < 500
