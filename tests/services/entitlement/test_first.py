"""The first sign-in over HTTP, with a stand-in for Keycloak: who gets an account, who does not, and what is on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from derive import first_sign_in
from derive.audit import Entry, Kind
from derive.pseudonym import Pseudonyms
from services.entitlement import app, first_page, passwords
from services.entitlement.desk import Desk
from services.entitlement.first import First, OfToday, RosterDownError
from services.entitlement.journal import UnrecordedError
from services.entitlement.people import Found, Identity, PersonError, Role
from services.entitlement.tries import OF_ONE, Tries
from tests.keycloak import Keycloak
from tests.services.entitlement.conftest import OWN

KEY, PUPIL, GOOD = "a-key-of-forty-hex-digits", "S20260001", "correct horse"
PERSON = Pseudonyms(KEY).of(PUPIL)
CODE = first_sign_in.code(KEY, PUPIL)


class Roster:
    """People who may sign in."""

    def __init__(self) -> None:
        self.people: dict[UUID, Identity] = {PERSON: Identity("pupil", OWN)}
        self.down = False

    def identity(self, person: UUID) -> Identity | None:
        if self.down:
            raise RosterDownError("no connection")
        return self.people.get(person)


class Book:
    """Records, and whether an account was open when each was written."""

    def __init__(self, keycloak: Keycloak) -> None:
        self.keycloak, self.full = keycloak, False
        self.entries: list[Entry] = []
        self.open: list[bool] = []

    def noted(self, entry: Entry) -> None:
        if self.full:
            raise UnrecordedError("disk full")
        self.entries.append(entry)
        self.open.append(any(user["enabled"] for user in self.keycloak.users.values()))


@pytest.fixture
def keycloak() -> Keycloak:
    return Keycloak(["pupil", "master"])


@pytest.fixture
def roster() -> Roster:
    return Roster()


@pytest.fixture
def book(keycloak: Keycloak) -> Book:
    return Book(keycloak)


Send = Callable[..., Any]


@pytest.fixture
def send(desk: Desk, keycloak: Keycloak, roster: Roster, book: Book) -> Send:
    """``send(id, code, password)``: the answer."""
    first = First(roster, keycloak.accounts(), KEY, book, Tries(lambda: 0.0))
    client = TestClient(
        app.make(desk, doors=first_page.routes(first)), base_url="https://city.example", raise_server_exceptions=False
    )

    def sent(identity: str = PUPIL, code: str = CODE, password: str = GOOD) -> Any:
        return client.post("/access/first", json={"id": identity, "code": code, "password": password})

    return sent


def test_a_slip_makes_an_account_with_what_the_roster_says(send: Send, keycloak: Keycloak, book: Book) -> None:
    answer = send()
    assert (answer.status_code, answer.json()) == (201, {"username": PUPIL.lower(), "account": "made"})
    assert answer.headers["cache-control"] == "no-store"
    user = keycloak.user(PUPIL.lower())
    assert user["attributes"] == {"tier": ["pupil"], "school": [OWN], "person": [str(PERSON)], "slip": ["1"]}
    assert (user["enabled"], user["roles"], user["password"], user["temporary"]) == (True, ["pupil"], GOOD, False)
    (entry,) = book.entries
    assert (entry.kind, entry.action, entry.why, entry.facts) == (Kind.GRANT, "first-sign-in", "made", {"slip": 1})
    assert entry.who is not None
    assert (entry.who.tier, entry.who.school, entry.who.subject) == ("pupil", OWN, str(PERSON))
    assert book.open == [False], "on record before anybody can use it"
    assert PUPIL.lower() not in repr(book.entries).lower()


def test_a_slip_counts_once(send: Send, keycloak: Keycloak, book: Book) -> None:
    send()
    again = send(password="another good one")
    assert (again.status_code, again.json()["reason"]) == (409, "slip-used")
    assert "slip no. 2" in again.json()["en"]
    assert "第 2 条" in again.json()["zh"]
    assert keycloak.user(PUPIL.lower())["password"] == GOOD
    assert (book.entries[-1].kind, book.entries[-1].why) == (Kind.REFUSAL, "slip-used")


def test_a_renewed_slip_sets_the_password_anew_and_ends_sessions_and_older_slips(
    send: Send, keycloak: Keycloak
) -> None:
    send()
    answer = send(code=first_sign_in.code(KEY, PUPIL, 3), password="another good one")
    assert (answer.status_code, answer.json()["account"]) == (200, "renewed")
    user = keycloak.user(PUPIL.lower())
    assert (user["password"], user["attributes"]["slip"], user["ended"]) == ("another good one", ["3"], 1)
    for older in (1, 2, 3):
        assert send(code=first_sign_in.code(KEY, PUPIL, older)).json()["reason"] == "slip-used"


def test_whoever_changed_tier_has_only_the_new_one_s_role_after_a_renewal(
    send: Send, keycloak: Keycloak, roster: Roster
) -> None:
    send()
    roster.people[PERSON] = Identity("master", None)
    send(code=first_sign_in.code(KEY, PUPIL, 2))
    user = keycloak.user(PUPIL.lower())
    assert user["roles"] == ["master"]
    assert user["attributes"] == {"tier": ["master"], "person": [str(PERSON)], "slip": ["2"]}


@pytest.mark.parametrize("typed", [PUPIL.lower(), f"  {PUPIL} ", "s20260001"])
def test_an_id_is_found_in_the_register_s_spelling_whatever_a_telephone_made_of_it(send: Send, typed: str) -> None:
    assert send(identity=typed, code=CODE.lower().replace("-", " ")).status_code == 201


def test_a_wrong_code_and_an_unknown_id_are_told_the_same_and_nobody_is_looked_up(
    send: Send, keycloak: Keycloak, roster: Roster
) -> None:
    roster.down = True
    known, unknown = send(code="00000-00000"), send(identity="S99999999")
    assert known.status_code == unknown.status_code == 403
    assert known.json() == unknown.json()
    assert known.json()["reason"] == "slip-wrong"
    assert not keycloak.asked


def test_wrong_tries_come_to_an_end_and_the_right_code_then_waits_too(send: Send, book: Book) -> None:
    spellings = (PUPIL, PUPIL.lower())
    for number in range(OF_ONE):
        assert send(identity=spellings[number % 2], code="00000-00000").status_code == 403
    answer = send()
    assert (answer.status_code, answer.json()["reason"], answer.headers["retry-after"]) == (
        429,
        "too-many-tries",
        "900",
    )
    assert send(identity="S20260002", code="00000-00000").status_code == 403
    assert [entry.why for entry in book.entries] == [*["slip-wrong"] * OF_ONE, "too-many-tries", "slip-wrong"]


def test_a_password_that_the_realm_refuses_is_explained_and_the_slip_still_counts(
    send: Send, keycloak: Keycloak
) -> None:
    answer = send(password="short")
    assert (answer.status_code, answer.json()["reason"]) == (422, "password-refused")
    assert "at least 8 characters" in answer.json()["en"]
    assert "至少要有 8 个字符" in answer.json()["zh"]
    assert keycloak.user(PUPIL.lower())["enabled"] is False
    assert send().status_code == 201
    assert keycloak.user(PUPIL.lower())["enabled"] is True


def test_a_refused_password_of_a_renewal_changes_nothing(send: Send, keycloak: Keycloak, book: Book) -> None:
    send()
    assert send(code=first_sign_in.code(KEY, PUPIL, 2), password="short").json()["reason"] == "password-refused"
    assert keycloak.user(PUPIL.lower())["password"] == GOOD
    assert [entry.why for entry in book.entries] == ["made", "renewed", "password-refused"]


@pytest.mark.parametrize(
    ("code", "said"),
    [("invalidPasswordRegexPatternMessage", passwords.OTHER), ("invalidPasswordMinLengthMessage", passwords.OTHER)],
)
def test_a_rule_of_passwords_without_words_or_number_is_said_in_general(code: str, said: tuple[str, str]) -> None:
    assert passwords.words(code, "no number here") == {"en": said[0], "zh": said[1]}


def test_who_is_not_in_the_roster_any_more_gets_nothing(send: Send, keycloak: Keycloak, roster: Roster) -> None:
    roster.people.clear()
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (403, "not-in-roster")
    assert not keycloak.users


def test_a_register_s_guid_signs_in_by_a_name_that_keycloak_takes(
    send: Send, keycloak: Keycloak, roster: Roster
) -> None:
    guid = "{9A2F-11}"
    roster.people[Pseudonyms(KEY).of(guid)] = Identity("pupil", OWN)
    answer = send(identity=guid, code=first_sign_in.code(KEY, guid))
    assert (answer.status_code, answer.json()["username"]) == (201, "9a2f-11")
    assert keycloak.user("9a2f-11")["enabled"] is True


def test_what_keycloak_refuses_for_good_is_not_told_as_something_to_wait_for(send: Send, keycloak: Keycloak) -> None:
    keycloak.roles.clear()
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (409, "account-refused")
    assert not keycloak.user(PUPIL.lower())["enabled"]


def test_an_account_that_an_operator_switched_off_is_not_opened_by_a_slip(send: Send, keycloak: Keycloak) -> None:
    send()
    accounts = keycloak.accounts()
    found = accounts.find(PUPIL)
    assert found is not None
    accounts.change(found, enabled=False)
    second = first_sign_in.code(KEY, PUPIL, 2)
    assert send(code=second).json()["reason"] == "account-off"
    assert keycloak.user(PUPIL.lower())["enabled"] is False
    # Switched off because the roster did, and the roster has them again:
    accounts.change(found, enabled=False, attributes={"left": "2026-07-01"})
    assert send(code=second).status_code == 200
    assert "left" not in keycloak.user(PUPIL.lower())["attributes"]


def test_a_name_that_is_somebody_else_s_is_left_alone(send: Send, keycloak: Keycloak) -> None:
    keycloak.accounts().make(PUPIL, {"tier": "master"}, enabled=True)
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (409, "name-taken")
    assert keycloak.user(PUPIL.lower())["password"] is None


@pytest.mark.parametrize("step", ["token", "POST users", "PUT reset-password", "POST realm", "PUT last"])
def test_wherever_keycloak_goes_down_nobody_is_let_in_and_the_next_try_ends_well(
    send: Send, keycloak: Keycloak, book: Book, step: str
) -> None:
    method, _, ending = step.rpartition(" ")

    def broken(asked: str, path: str) -> bool:
        if step == "PUT last":
            return asked == "PUT" and not path.endswith("reset-password")
        return (not method or asked == method) and path.endswith(ending)

    keycloak.broken = broken
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (503, "identity-down")
    assert not any(user["enabled"] for user in keycloak.users.values())
    assert book.entries[-1].why == "identity-down"
    keycloak.broken = lambda *_: False
    assert send().status_code == 201
    assert keycloak.user(PUPIL.lower())["enabled"] is True


def test_without_the_roster_nobody_is_let_in(send: Send, roster: Roster, keycloak: Keycloak) -> None:
    roster.down = True
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (503, "roster-down")
    assert not keycloak.users


def test_without_a_record_no_account_is_opened(send: Send, keycloak: Keycloak, book: Book) -> None:
    book.full = True
    answer = send()
    assert (answer.status_code, answer.json()["reason"]) == (503, "account-unrecorded")
    assert not keycloak.user(PUPIL.lower())["enabled"]
    assert send(code="00000-00000").json()["reason"] == "account-unrecorded"


def test_what_is_not_typed_is_asked_for(send: Send) -> None:
    for given in ({"identity": " "}, {"code": ""}, {"password": ""}, {"password": "x" * 300}, {"identity": "x" * 300}):
        answer = send(**given)
        assert (answer.status_code, answer.json()["reason"]) == (400, "first-incomplete"), given


def test_only_small_json_is_read(desk: Desk, keycloak: Keycloak, roster: Roster, book: Book) -> None:
    first = First(roster, keycloak.accounts(), KEY, book, Tries(lambda: 0.0))
    client = TestClient(
        app.make(desk, doors=first_page.routes(first)), base_url="https://city.example", raise_server_exceptions=False
    )
    fields = {"id": PUPIL, "code": CODE, "password": GOOD}
    json_type = {"content-type": "application/json"}
    for answer in (
        client.post("/access/first", data=fields),
        client.post("/access/first", content=b"[", headers=json_type),
        client.post("/access/first", content=b"[]", headers=json_type),
        client.post("/access/first", content=b"[" * 4000, headers=json_type),
        client.post("/access/first", json={**fields, "password": 12345678}),
        client.post("/access/first", json={**fields, "more": "x" * 5000}),
        client.post("/access/first", content=json.dumps({**fields, "id": "\ud800"}), headers=json_type),
        client.post("/access/first", content=json.dumps({**fields, "code": "\ud800"}), headers=json_type),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (400, "first-incomplete")
    assert not keycloak.users
    assert client.get("/access/first").status_code == 405


@pytest.mark.parametrize(
    ("found", "who"),
    [
        (Found(str(PERSON), True, None, (Role(None, None, OWN, "pupil", True),), ()), Identity("pupil", OWN)),
        (Found(str(PERSON), False, None, (Role(None, None, OWN, "pupil", True),), ()), None),
        (Found(str(PERSON), True, None, (), ()), None),
        (None, None),
    ],
)
def test_who_somebody_is_is_asked_of_the_roster_today(desk: Desk, found: Found | None, who: Identity | None) -> None:
    class People:
        def find(self, person: str) -> Found | None:
            assert person == str(PERSON)
            return found

    desk.people = People()
    assert OfToday(desk).identity(PERSON) == who


def test_a_roster_that_cannot_be_read_is_not_one_without_somebody(desk: Desk) -> None:
    class Away:
        def find(self, person: str) -> Found | None:
            raise PersonError("roster-unreadable")

    desk.people = Away()
    with pytest.raises(RosterDownError):
        OfToday(desk).identity(PERSON)
