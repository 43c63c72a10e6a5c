"""Why somebody was let, as it stands on the audit record: the grant, with whose, by which agreement, licence and rule."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from derive import video_token
from derive.audit import Entry, Kind
from services.entitlement.audit import Trail
from services.entitlement.desk import Desk
from services.entitlement.people import Consent
from services.entitlement.rules import Lesson, Person, Rules
from tests.services.entitlement.conftest import (
    ALLY,
    BY,
    COLLEGE,
    DOCUMENT,
    FAR,
    GRANTS,
    LESSON,
    NOW,
    OWN,
    PARTNER,
    Register,
    name,
    record,
    token,
)
from tests.services.entitlement.test_audit import RULES, recorded
from tests.services.entitlement.test_live_lesson import live
from tests.services.entitlement.test_mine import CHILD, CLERK, MASTER, MOTHER, SISTER, somebody

Facts = dict[str, str | int]


@pytest.fixture
def trail(tmp_path: Path, desk: Desk) -> Trail:
    desk.witness = found = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    return found


def entries(trail: Trail) -> list[Entry]:
    return [each.entry for each in recorded(trail)[1:]]


def ask(
    client: TestClient, tier: str | None, school: str | None = OWN, what: str = f"play/{LESSON}", **more: Any
) -> None:
    headers = {"Authorization": f"Bearer {token(tier, school, **more)}"} if tier else {}
    method = "POST" if what.startswith(("play", "download")) else "GET"
    answer = client.request(method, f"/access/{what}", headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("who", "lesson", "ground"),
    [
        (("pupil", OWN), (OWN, "members"), {"grant": "lesson.pupil.view", "scope": "class"}),
        (
            ("pupil", OWN),
            (PARTNER, "members"),
            {"grant": "lesson.pupil.view", "scope": "agreement", "agreement": "pact"},
        ),
        (("pupil", OWN), (FAR, "free"), {"grant": "lesson.anyone.view", "scope": "public"}),
        (("master", OWN), (OWN, "members"), {"grant": "lesson.master.view", "scope": "alliance"}),
        (("master", OWN), (ALLY, "year"), {"grant": "lesson.master.view", "scope": "alliance", "alliance": "league"}),
        (("mayor", None), (FAR, "members"), {"grant": "lesson.mayor.view", "scope": "city"}),
        ((None, None), (FAR, "free"), {"grant": "lesson.anyone.view", "scope": "public"}),
    ],
)
def test_a_lesson_is_played_by_a_grant_and_under_a_licence(
    *,
    client: TestClient,
    trail: Trail,
    store: dict[str, bytes],
    who: tuple[str | None, str | None],
    lesson: tuple[str, str],
    ground: Facts,
) -> None:
    owner, licence = lesson
    store[f"{LESSON}/lesson.json"] = record(LESSON, school=owner, licence=licence)
    ask(client, *who)
    granted, minted = entries(trail)
    assert granted.facts == {**ground, "licence": licence}
    assert set(minted.facts) == {"permission", "key", "expires"}, "its ground is the grant's, right before it"


def test_what_somebody_asked_for_stands_beside_the_ground(client: TestClient, trail: Trail) -> None:
    ask(client, "pupil", what=f"play/{LESSON}?place={ALLY}")
    assert entries(trail)[0].facts == {
        "place": ALLY, "grant": "lesson.pupil.view", "scope": "class", "licence": "free",
    }  # fmt: skip


def test_a_refusal_has_a_reason_and_no_ground(client: TestClient, trail: Trail, store: dict[str, bytes]) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, school=FAR, licence="members")
    assert client.post(f"/access/play/{LESSON}", headers={"Authorization": f"Bearer {token()}"}).status_code == 403
    (refused,) = entries(trail)
    assert (refused.kind, refused.why, refused.facts) == (Kind.REFUSAL, "out-of-reach", {})


def test_a_lesson_is_taken_away_by_a_grant_of_its_own(
    client: TestClient, desk: Desk, trail: Trail, store: dict[str, bytes]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["uses"]["download"], document["actions"]["download"] = "download", name("download")
    document["classes"]["lesson"]["grants"]["download"] = {"master": GRANTS["master"]}
    desk.settings.standing.document = document  # type: ignore[attr-defined]
    file = {"path": f"{LESSON}/{video_token.DOWNLOAD}/film.mp4", "bytes": 7}
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="handout", download=file)
    ask(client, "master", what=f"download/{LESSON}")
    facts = entries(trail)[0].facts
    assert facts == {"grant": "lesson.master.download", "scope": "alliance", "licence": "handout"}


def test_live_it_is_the_alliance_s_and_no_licence_has_a_say(
    client: TestClient, desk: Desk, trail: Trail, store: dict[str, bytes]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    grants = {"view": {"pupil": {"scopes": ["alliance"], "consent_below": 0, "rule": None}}}
    document["classes"]["live-lesson"] = {**document["classes"]["lesson"], "licensed": False, "grants": grants}
    desk.settings.standing.document = document  # type: ignore[attr-defined]
    store[f"{LESSON}/lesson.json"] = record(LESSON, school=ALLY, **live())
    ask(client, "pupil")
    assert entries(trail)[0].facts == {"grant": "live-lesson.pupil.view", "scope": "alliance", "alliance": "league"}


def seated(seats: int | None) -> Rules:
    document = copy.deepcopy(DOCUMENT)
    document["licences"]["members"]["seats"] = seats
    return Rules(document)


@pytest.mark.parametrize(("seats", "said"), [(7, True), (None, False)])
def test_a_seat_is_named_where_the_licence_counts_them(seats: int | None, said: bool) -> None:
    rules, lesson = seated(seats), Lesson(LESSON, OWN, "members", datetime(2026, 10, 1, tzinfo=UTC), "m")
    ground = rules.decide(Person("pupil", OWN), lesson, NOW, seat=rules.seat_until([None])).ground
    assert ground
    assert ("seat" in ground.facts) is said


@pytest.mark.parametrize(("now", "named"), [("2026-10-20T12:00:00Z", "pact"), ("2026-10-20T12:00:01Z", "later")])
def test_the_agreement_that_is_named_holds_as_long_as_the_permission(now: str, named: str) -> None:
    """The pact ends four hours after noon, UTC, and so long lasts a permission: one that is given later rests on another agreement."""
    document = copy.deepcopy(DOCUMENT)
    document["agreements"]["later"] = {**document["agreements"]["pact"], "ends": "2026-12-31"}
    document["classes"]["lesson"]["agreements"] = ["pact", "later"]
    lesson = Lesson(LESSON, PARTNER, "members", datetime(2026, 10, 1, tzinfo=UTC), "m")
    found = Rules(document).decide(Person("pupil", OWN), lesson, datetime.fromisoformat(now)).ground
    assert found
    assert (found.scope, found.agreement) == ("agreement", named)


@pytest.fixture
def people(register: Register) -> None:
    """Two pupils, of whom a guardian has a say about the younger and agrees, with a parent, a teacher and the school's staff."""
    child, consent = somebody(CHILD, "pupil", "7a"), Consent(None, date(2027, 1, 1), BY[:1])
    sister = somebody(SISTER, "pupil", "1a", young=True, consents=(consent,))
    everybody = (child, sister, somebody(MOTHER, "mother", children=(child, sister)),
                 somebody(MASTER, "master", "7a", "1a"), somebody(CLERK, "clerk"))  # fmt: skip
    register.people.update({each.id: each for each in everybody})


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("tier", "me", "pupil", "ground"),
    [
        ("pupil", CHILD, CHILD, {"scope": "own", "rule": "for-pupil"}),
        ("mother", MOTHER, SISTER, {"scope": "child", "rule": "for-mother"}),
        ("master", MASTER, SISTER, {"scope": "class", "rule": "for-master", "consent": True}),
        ("master", MASTER, CHILD, {"scope": "class", "rule": "for-master"}),
        ("clerk", CLERK, SISTER, {"scope": "school", "rule": "for-clerk", "consent": True}),
    ],
)
def test_a_profile_is_seen_by_a_rule_and_a_consent_that_was_needed(
    *, client: TestClient, trail: Trail, tier: str, me: str, pupil: str, ground: Facts
) -> None:
    ask(client, tier, what=f"people/{pupil}", person=me)
    assert [each.facts for each in entries(trail)] == [{"grant": f"pupil-profile.{tier}.view", **ground}]


@pytest.mark.usefixtures("people")
def test_what_may_be_seen_is_told_to_everybody(client: TestClient, trail: Trail) -> None:
    ask(client, "master", what="mine", person=MASTER)
    ask(client, None, what="mine")
    assert [each.facts for each in entries(trail)] == [{"grant": "everybody"}] * 2


def test_the_agreement_of_a_partner_is_named(client: TestClient, trail: Trail, store: dict[str, bytes]) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    ask(client, "guest", None, partner=COLLEGE)
    facts = {"grant": "lesson.guest.view", "scope": "agreement", "agreement": "pact", "licence": "members"}
    assert entries(trail)[0].facts == facts
