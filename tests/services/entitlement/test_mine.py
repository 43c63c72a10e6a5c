"""What somebody may see, and what is kept of a person: over HTTP, with a roster of a handful of people, and all of it on record."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from catalog.access import Action
from derive import points
from derive.audit import Kind, Record
from services.entitlement import app
from services.entitlement.audit import Trail
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.people import Consent, Enrolment, Found, Role
from tests.services.entitlement.conftest import (
    AGE,
    BY,
    COLLEGE,
    DOCUMENT,
    FAR,
    NOW,
    OFFICE,
    OWN,
    PARTNER,
    Register,
    name,
    token,
)
from tests.services.entitlement.test_audit import RULES, recorded

TODAY = date(2026, 10, 15)
CHILD, SISTER, STRANGER, MOTHER, MASTER, CLERK = (f"00000000-0000-4000-8000-00000000000{each}" for each in range(6))


def somebody(one: str, tier: str | None, *groups: str, school: str = OWN, young: bool = False, **more: Any) -> Found:
    roles = (Role(None, None, school, tier, True),)
    classes = tuple(Enrolment(None, None, group, school) for group in groups)
    return Found(one, True, date(2030, 1, 1) if young else None, roles, classes, guarded_below=AGE, **more)


@pytest.fixture(autouse=True)
def people(register: Register) -> dict[str, Found]:
    """A mother of two, a stranger's child at another school, a teacher of the elder child's class, and a clerk."""
    child, sister = somebody(CHILD, "pupil", "7a"), somebody(SISTER, "pupil", "1a", young=True)
    everybody = (
        child,
        sister,
        somebody(STRANGER, "pupil", "8c", school=PARTNER),
        somebody(MOTHER, "mother", children=(child, sister)),
        somebody(MASTER, "master", "7a", "1a"),
        somebody(CLERK, "clerk"),
    )
    register.people.update({each.id: each for each in everybody})
    return register.people


@pytest.fixture
def trail(tmp_path: Path, desk: Desk) -> Trail:
    desk.witness = found = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    return found


def get(client: TestClient, path: str, tier: str | None = None, person: str | None = None, school: str | None = OWN) -> Any:  # fmt: skip
    headers = {"Authorization": f"Bearer {token(tier, school, person=person)}"} if tier else {}
    return client.get(f"/access/{path}", headers=headers)


def reason(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert body["en"] and body["zh"], body
    return answer.status_code, body["reason"]


def said(record: Record) -> tuple[Kind, str, str, str]:
    return record.entry.kind, record.entry.action, record.entry.resource, record.entry.why


def granted(body: Any, resource: str) -> list[tuple[str, list[str], bool]]:
    (row,) = [each for each in body["resources"] if each["id"] == resource]
    return [(each["action"]["en"], [one["en"] for one in each["whose"]], each["everybody"]) for each in row["grants"]]


def test_a_tier_is_told_what_it_may_do_with_whose_and_what_everybody_may(client: TestClient) -> None:
    body = get(client, "mine", "pupil").json()
    assert (body["signed_in"], body["tier"], body["school"]) == (True, name("pupil"), name(OWN))
    assert [each["id"] for each in body["resources"]] == list(DOCUMENT["classes"])
    assert granted(body, "lesson") == [
        ("view", ["class of a school", "agreement of a school"], False),
        ("view", ["public of a school"], True),
    ]
    assert granted(body, "pupil-profile") == [("view", ["own of a person"], False)]
    assert granted(body, "platform") == []


def test_the_district_and_the_partner_are_told_by_their_names(client: TestClient) -> None:
    for place, one in (("district", "near"), ("partner", COLLEGE)):
        who = {"Authorization": f"Bearer {token('clerk', None, **{place: one})}"}
        body = client.get("/access/mine", headers=who).json()
        assert (body[place], body["school"]) == (name(one), None)


def test_who_is_at_an_office_sees_the_pupils_of_the_district_where_the_matrix_says_so(
    client: TestClient, people: dict[str, Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = DOCUMENT["classes"]["pupil-profile"]["grants"]["view"]["clerk"]
    monkeypatch.setitem(cell, "scopes", ["district"])
    people[CLERK] = somebody(CLERK, "clerk", school=OFFICE)
    people[STRANGER] = somebody(STRANGER, "pupil", "8c", school=FAR)
    who = {"Authorization": f"Bearer {token('clerk', None, district='near', person=CLERK)}"}
    answers = {one: client.get(f"/access/people/{one}", headers=who) for one in (CHILD, STRANGER)}
    assert answers[CHILD].status_code == 200
    assert reason(answers[STRANGER]) == (403, "profile-out-of-reach")


@pytest.mark.parametrize("place", [{}, {"district": "far"}, {"district": "near", "partner": COLLEGE}])
def test_a_session_of_another_place_than_the_roster_s_is_told_to_sign_in_again(
    client: TestClient, people: dict[str, Found], place: dict[str, str]
) -> None:
    people[CLERK] = somebody(CLERK, "clerk", school=OFFICE)
    who = {"Authorization": f"Bearer {token('clerk', None, person=CLERK, **place)}"}
    assert reason(client.get("/access/mine", headers=who)) == (403, "roster-differs")


def test_the_age_below_which_a_guardian_has_to_agree_is_told(client: TestClient) -> None:
    rows = {each["id"]: each["grants"] for each in get(client, "mine", "master").json()["resources"]}
    assert [each["consent_below"] for each in rows["pupil-profile"]] == [14]


def test_what_the_platform_does_not_give_is_marked(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def marks() -> set[tuple[str, bool, bool]]:
        rows = get(client, "mine", "pupil").json()["resources"]
        return {(each["id"], grant["not_yet"], grant["by_operator"]) for each in rows for grant in each["grants"]}

    assert marks() == {("lesson", False, False), ("pupil-profile", False, False)}
    by_command = points.Served((points.Point.OPERATOR,))
    monkeypatch.setattr(points, "SERVED", {("lesson", Action.VIEW): by_command})
    assert marks() == {("lesson", False, True), ("pupil-profile", True, False)}


def test_a_right_over_two_scopes_is_told_apart_where_only_one_is_given(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = DOCUMENT["classes"]["platform"]["grants"]["view"]["robot"]
    monkeypatch.setitem(cell, "scopes", ["city", "agreement"])
    rows = {each["id"]: each["grants"] for each in get(client, "mine", "robot").json()["resources"]}
    assert [(each["whose"][0]["en"], each["not_yet"]) for each in rows["platform"]] == [
        ("city of a city", False),
        ("agreement of a city", True),
    ]


def test_without_a_session_only_the_public_s_is_told(client: TestClient) -> None:
    body = get(client, "mine").json()
    assert (body["signed_in"], body["school"], body["classes"], body["children"]) == (False, None, None, None)
    assert granted(body, "lesson") == [("view", ["public of a school"], True)]
    assert granted(body, "pupil-profile") == []


def test_a_session_of_nobody_of_the_roster_has_no_classes_and_no_children(client: TestClient) -> None:
    body = get(client, "mine", "mother").json()
    assert (body["classes"], body["children"]) == (None, None)


def test_a_mother_is_told_school_and_class_of_her_children_and_nothing_else(client: TestClient) -> None:
    answer = get(client, "mine", "mother", MOTHER)
    assert answer.json()["classes"] == []
    assert answer.json()["children"] == [
        {"schools": [name(OWN)], "classes": ["7a"]},
        {"schools": [name(OWN)], "classes": ["1a"]},
    ]
    assert not any(one in answer.text for one in (CHILD, SISTER, MOTHER))
    assert answer.headers["cache-control"] == "no-store"


def test_a_teacher_is_told_their_classes_of_today(client: TestClient, people: dict[str, Found]) -> None:
    over = Enrolment(None, TODAY - timedelta(days=1), "old", OWN)
    people[MASTER] = somebody(MASTER, "master", "7a")
    people[MASTER] = Found(MASTER, True, None, people[MASTER].roles, (*people[MASTER].enrolments, over))
    assert get(client, "mine", "master", MASTER).json()["classes"] == [{"id": "7a", "school": name(OWN)}]


@pytest.mark.parametrize(
    ("tier", "me", "seen"),
    [
        ("pupil", CHILD, {CHILD}),
        ("mother", MOTHER, {CHILD, SISTER}),
        ("master", MASTER, {CHILD}),
        ("clerk", CLERK, {CHILD}),
    ],
)
def test_each_sees_the_pupils_whom_the_matrix_lets_them_see(
    client: TestClient, people: dict[str, Found], tier: str, me: str, seen: set[str]
) -> None:
    answers = {one: get(client, f"people/{one}", tier, me) for one in people}
    assert {one for one, answer in answers.items() if answer.status_code == 200} == seen
    assert {answer.status_code for one, answer in answers.items() if one not in seen} == {403}


def test_a_mother_sees_the_little_that_is_kept_of_her_own_child(client: TestClient) -> None:
    assert get(client, f"people/{SISTER}", "mother", MOTHER).json() == {
        "person": SISTER,
        "schools": [{"code": OWN, "name": name(OWN)}],
        "classes": ["1a"],
        "guardian_has_a_say": True,
    }


def test_another_s_child_and_nobody_at_all_are_refused_alike_and_in_words(client: TestClient) -> None:
    another, nobody = (get(client, f"people/{one}", "mother", MOTHER) for one in (STRANGER, STRANGER[:-1] + "9"))
    assert reason(another) == (403, "profile-out-of-reach")
    assert "child of a person" in another.json()["en"]
    assert another.json() == nobody.json()


def test_a_guardian_who_has_a_say_has_to_have_agreed(client: TestClient) -> None:
    for tier, me in (("master", MASTER), ("clerk", CLERK)):
        assert reason(get(client, f"people/{SISTER}", tier, me)) == (403, "consent-needed")


@pytest.mark.parametrize(
    ("consents", "seen"),
    [
        ((Consent(TODAY, None, BY[:1]),), True),
        ((Consent(TODAY, TODAY, BY),), True),
        ((Consent(TODAY + timedelta(days=1), None, BY),), False),
        ((Consent(None, TODAY - timedelta(days=1), BY),), False),
        ((Consent(TODAY, None, ("relative",)),), False),
        ((Consent(TODAY, None, (BY[0], "relative")),), False),
    ],
)
def test_a_guardian_who_agrees_today_opens_it(
    client: TestClient, people: dict[str, Found], consents: tuple[Consent, ...], seen: bool
) -> None:
    people[SISTER] = replace(people[SISTER], consents=consents)
    for tier, me in (("master", MASTER), ("clerk", CLERK)):
        assert get(client, f"people/{SISTER}", tier, me).status_code == (200 if seen else 403)


def test_a_teacher_of_no_class_of_the_pupil_learns_nothing_of_their_age(client: TestClient, people: dict[str, Found]) -> None:  # fmt: skip
    people[MASTER] = somebody(MASTER, "master", "9z")
    for one in (CHILD, SISTER, STRANGER):
        assert reason(get(client, f"people/{one}", "master", MASTER)) == (403, "profile-out-of-reach")


def test_a_class_of_the_same_name_at_another_school_is_another_class(client: TestClient, people: dict[str, Found]) -> None:  # fmt: skip
    people[STRANGER] = somebody(STRANGER, "pupil", "7a", school=PARTNER)
    assert get(client, f"people/{CHILD}", "master", MASTER).status_code == 200
    assert reason(get(client, f"people/{STRANGER}", "master", MASTER)) == (403, "profile-out-of-reach")


@pytest.mark.parametrize("ended", [True, False])
def test_a_class_is_a_teacher_s_only_as_teacher_of_its_school(
    client: TestClient, people: dict[str, Found], ended: bool
) -> None:
    """Also where the role there is over and the register forgot to end the enrolment."""
    there = Role(None, TODAY - timedelta(days=1) if ended else None, PARTNER, "master", False)
    known = somebody(MASTER, "master", "7a")
    classes = (*known.enrolments, Enrolment(None, None, "8c", PARTNER))
    people[MASTER] = replace(known, roles=(*known.roles, there), enrolments=classes)
    people[CHILD] = somebody(CHILD, "pupil", "8c")
    for one in (STRANGER, CHILD):
        assert reason(get(client, f"people/{one}", "master", MASTER)) == (403, "profile-out-of-reach")
    there_too = {one: get(client, f"people/{one}", "master", MASTER, school=PARTNER) for one in (STRANGER, CHILD)}
    if ended:
        assert {reason(each) for each in there_too.values()} == {(403, "roster-differs")}
    else:
        assert there_too[STRANGER].status_code == 200
        assert reason(there_too[CHILD]) == (403, "profile-out-of-reach")


def test_only_pupils_have_a_profile(client: TestClient, people: dict[str, Found]) -> None:
    people[CLERK] = somebody(CLERK, "clerk", "7a")
    assert reason(get(client, f"people/{CLERK}", "master", MASTER)) == (403, "profile-out-of-reach")


@pytest.mark.parametrize(
    ("tier", "me", "answer"),
    [
        (None, None, (403, "sign-in-first")),
        ("mother", None, (403, "session-without-person")),
        ("mother", STRANGER[:-1] + "9", (403, "person-unknown")),
        ("clerk", MOTHER, (403, "roster-differs")),
        ("mayor", MASTER, (403, "roster-differs")),
    ],
)
def test_who_is_not_who_the_roster_has_sees_nobody(
    client: TestClient, tier: str | None, me: str | None, answer: tuple[int, str]
) -> None:
    assert reason(get(client, f"people/{CHILD}", tier, me)) == answer


def test_a_session_of_another_school_than_the_roster_s_sees_nobody(client: TestClient) -> None:
    assert reason(get(client, f"people/{CHILD}", "clerk", CLERK, school=FAR)) == (403, "roster-differs")


def test_a_tier_that_no_grant_lets_see_a_pupil_is_told_so(client: TestClient, people: dict[str, Found]) -> None:
    people[MASTER] = somebody(MASTER, "robot", "7a")
    assert reason(get(client, f"people/{CHILD}", "robot", MASTER)) == (403, "tier-sees-no-profile")


def test_who_is_switched_off_is_nobody_from_then_on(client: TestClient, people: dict[str, Found]) -> None:
    assert get(client, f"people/{CHILD}", "mother", MOTHER).status_code == 200
    people[MOTHER] = Found(MOTHER, False, None, (), ())
    for path in (f"people/{CHILD}", "mine"):
        assert reason(get(client, path, "mother", MOTHER)) == (403, "person-left")


def test_while_the_roster_is_away_nobody_sees_anybody(client: TestClient, register: Register) -> None:
    register.away = True
    for path in (f"people/{CHILD}", "mine"):
        assert reason(get(client, path, "mother", MOTHER)) == (503, "roster-unreadable")
    assert get(client, "mine").status_code == 200, "what is everybody's is in the rules"


def test_a_session_that_does_not_count_is_told_so(client: TestClient) -> None:
    for path in (f"people/{CHILD}", "mine"):
        answer = client.get(f"/access/{path}", headers={"Authorization": "Bearer nonsense"})
        assert reason(answer) == (403, "session-invalid")


@pytest.mark.parametrize("person", [7, ["x"], {"id": CHILD}])
def test_a_person_that_is_no_text_makes_no_session(client: TestClient, person: Any) -> None:
    assert reason(get(client, f"people/{CHILD}", "pupil", person)) == (403, "session-invalid")


def test_every_answer_is_on_record_with_who_asked_about_whom(client: TestClient, trail: Trail) -> None:
    get(client, f"people/{CHILD}", "mother", MOTHER)
    get(client, f"people/{STRANGER}", "mother", MOTHER)
    get(client, "mine", "mother", MOTHER)
    get(client, "mine")
    found = recorded(trail)[1:]
    assert [said(each) for each in found] == [
        (Kind.GRANT, "view", f"pupil-profile/{CHILD}", "allowed"),
        (Kind.REFUSAL, "view", f"pupil-profile/{STRANGER}", "profile-out-of-reach"),
        (Kind.GRANT, "view", "mine", "allowed"),
        (Kind.GRANT, "view", "mine", "allowed"),
    ]
    assert {each.entry.policy for each in found} == {RULES}
    assert [each.entry.who.subject if each.entry.who else None for each in found] == [*["someone"] * 3, None]


def test_a_number_of_the_register_that_was_typed_for_an_id_is_not_on_record(client: TestClient, trail: Trail) -> None:
    number = "G511002201501010011"
    assert reason(get(client, f"people/{number}", "mother", MOTHER)) == (403, "profile-out-of-reach")
    (found,) = recorded(trail)[1:]
    assert found.entry.resource == "pupil-profile/no-id"
    assert number not in str(found)


def test_what_cannot_be_recorded_is_not_answered(
    client: TestClient, trail: Trail, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise UnrecordedError("no space left")

    monkeypatch.setattr(trail, "_append", fail)
    for path in (f"people/{CHILD}", "mine"):
        assert reason(get(client, path, "mother", MOTHER)) == (503, "decision-unrecorded")
    assert CHILD not in caplog.text


def test_nothing_of_anybody_is_in_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        get(client, f"people/{CHILD}", "mother", MOTHER)
        get(client, f"people/{STRANGER}", "mother", MOTHER)
        get(client, "mine", "mother", MOTHER)
    logged = "\n".join(each.getMessage() for each in caplog.records if each.name.startswith("services"))
    assert not any(word in logged for word in (CHILD, STRANGER, MOTHER, "7a"))


@pytest.mark.parametrize("path", ["%1b[2J" + "x" * 3000, "..%2f..%2fetc", "%00"])
def test_what_a_stranger_asks_for_is_refused_and_cut_on_the_record(client: TestClient, trail: Trail, path: str) -> None:
    assert get(client, f"people/{path}", "mother", MOTHER).status_code in {403, 404}
    for each in recorded(trail)[1:]:
        assert each.entry.resource.isprintable() and len(each.entry.resource) <= 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_they_are_read_only(client: TestClient, method: str) -> None:
    for path in ("mine", f"people/{CHILD}"):
        assert client.request(method, f"/access/{path}").status_code == 405


def test_without_rules_nothing_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(desk.settings.standing), "version", None)
    client = TestClient(app.make(desk), base_url="https://city.example")
    for path in ("mine", f"people/{CHILD}"):
        assert reason(get(client, path, "mother", MOTHER)) == (503, "no-rules")
    assert json.loads(client.get("/readyz").text)["rules"] is None
