"""`huiju account` as typed, with a stand-in for Keycloak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from typer.testing import CliRunner, Result

from catalog import load_named
from derive import identity
from derive.audit import Kind
from ops import account
from ops.accounts import reaching
from ops.audits import pending
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters.person import Person
from services.entitlement.accounts import Accounts, DownError
from tests.keycloak import Keycloak
from tests.ops.recorded import kept

TINY = load_named("tiny")
DISTRICT = TINY.districts[0].division_code


@pytest.fixture
def keycloak(unshipped: None, monkeypatch: pytest.MonkeyPatch) -> Keycloak:
    """A realm with the roles of `tiny`, in the place of the stack's."""
    made = Keycloak([identity.ROLE_TWO_FACTOR, *(tier.id for tier in TINY.tiers)])

    @contextmanager
    def keeping(_: Place) -> Iterator[Accounts]:
        yield made.accounts()

    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {}, None, None))
    monkeypatch.setattr(reaching, "keeping", keeping)
    return made


def huiju(*words: str) -> Result:
    return CliRunner().invoke(app, ["account", *words])


def added(name: str = "li.na", tier: str = "city-staff", *more: str) -> dict[str, str]:
    done = huiju("add", name, "--tier", tier, *more, "--json")
    assert done.exit_code == 0, done.output + repr(done.exception)
    return dict(json.loads(done.stdout))


def test_an_account_is_added_open_with_a_password_that_is_replaced(keycloak: Keycloak) -> None:
    password = added("Zhang.Wei", "technician", "--school", DISTRICT)["password"]
    user = keycloak.user("zhang.wei")
    assert user["attributes"] == {"tier": ["technician"], "school": [DISTRICT]}
    assert (user["enabled"], user["roles"], user["password"], user["temporary"]) == (
        True,
        ["technician"],
        password,
        True,
    )
    assert user["requiredActions"] == ["UPDATE_PASSWORD", "CONFIGURE_TOTP"]
    assert password not in "\n".join(keycloak.asked)


def test_a_partners_account_says_for_whom_they_work(keycloak: Keycloak) -> None:
    partner = TINY.partners[0].id
    facts = added("wang.fang", "university-partner", "--partner", partner)
    assert facts["partner"] == partner
    assert keycloak.user("wang.fang")["attributes"] == {"tier": ["university-partner"], "partner": [partner]}
    assert partner in huiju("list").stdout
    refused = huiju("add", "li.na", "--tier", "university-partner")
    assert (refused.exit_code, "--partner names it" in str(refused.exception)) == (1, True)


def test_the_password_is_printed_once_for_people_too(keycloak: Keycloak) -> None:
    done = huiju("add", "li.na", "--tier", "evaluator")
    assert done.stdout.count(keycloak.user("li.na")["password"]) == 1
    assert keycloak.user("li.na")["password"] not in huiju("list").stdout


def test_a_dry_run_changes_nothing(keycloak: Keycloak) -> None:
    assert "nothing was changed" in huiju("add", "li.na", "--tier", "evaluator", "--dry-run").stdout
    assert not keycloak.users
    added()
    before = repr((keycloak.users, keycloak.hidden))
    for words in (["disable", "li.na"], ["enable", "li.na"], ["reset", "li.na", "--second-factor"]):
        assert huiju(*words, "--dry-run").exit_code == 0
    assert repr((keycloak.users, keycloak.hidden)) == before


def test_a_name_that_is_taken_is_left_alone(keycloak: Keycloak) -> None:
    password = added()["password"]
    again = huiju("add", "li.na", "--tier", "city-staff")
    assert (again.exit_code, keycloak.user("li.na")["password"]) == (1, password)
    assert "already" in str(again.exception)


@pytest.mark.parametrize("ending", ["/available", "/reset-password"])
def test_an_account_that_could_not_be_finished_is_taken_away(keycloak: Keycloak, ending: str) -> None:
    keycloak.broken = lambda _, path: path.endswith(ending)
    assert isinstance(huiju("add", "li.na", "--tier", "evaluator").exception, DownError)
    assert not keycloak.users


def left_by_a_killed_run(keycloak: Keycloak) -> str:
    """An account that was made for a pupil's tier, and got no further; its id."""
    before = {"tier": "student", "school": DISTRICT, "partner": TINY.partners[0].id}
    made = keycloak.accounts().make("li.na", before, enabled=False, actions=["UPDATE_PASSWORD"])
    # What Keycloak gives to every account of the realm.
    keycloak.hidden[made]["roles"].append(f"default-roles-{identity.REALM}")
    return made


def test_an_account_that_a_killed_run_left_is_finished_by_the_next_one(keycloak: Keycloak) -> None:
    left_by_a_killed_run(keycloak)
    added(tier="evaluator")
    user = keycloak.user("li.na")
    assert (user["enabled"], user["roles"][1:], user["attributes"]) == (True, ["evaluator"], {"tier": ["evaluator"]})
    assert user["requiredActions"] == ["UPDATE_PASSWORD", "CONFIGURE_TOTP"]


def test_an_account_that_was_there_stays_when_it_cannot_be_finished_and_the_next_run_finishes_it(
    keycloak: Keycloak,
) -> None:
    left = left_by_a_killed_run(keycloak)
    keycloak.broken = lambda _, path: path.endswith("/reset-password")
    assert isinstance(huiju("add", "li.na", "--tier", "evaluator").exception, DownError)
    assert (keycloak.user("li.na")["id"], "evaluator" in keycloak.user("li.na")["roles"]) == (left, False)
    keycloak.broken = lambda *_: False
    added(tier="city-staff")
    assert "evaluator" not in keycloak.user("li.na")["roles"]


@pytest.mark.parametrize("tier", ["city-staff", "platform-operator"])
def test_somebodys_account_that_is_switched_off_is_nobody_elses(keycloak: Keycloak, tier: str) -> None:
    added()
    huiju("disable", "li.na")
    before = repr((keycloak.users, keycloak.hidden))
    refused = huiju("add", "li.na", "--tier", tier)
    assert refused.exit_code == 1
    assert "another name" in str(refused.exception) and "huiju account enable li.na" in str(refused.exception)
    assert repr((keycloak.users, keycloak.hidden)) == before


@pytest.mark.parametrize(
    "more",
    [
        {"person": "p"},
        {"person": "p", "slip": "1", "left": "2026-07-01"},
        {"left": "2026-07-01"},
        {"slip": "1"},
    ],
)
def test_an_account_of_the_roster_is_never_taken_for_one_left_half_way(
    keycloak: Keycloak, more: dict[str, str]
) -> None:
    keycloak.accounts().make("s0001", {"tier": "student", **more}, enabled=False)
    before = repr((keycloak.users, keycloak.hidden))
    refused = huiju("add", "s0001", "--tier", "evaluator")
    assert refused.exit_code == 1
    assert "of somebody in the roster" in str(refused.exception)
    assert repr((keycloak.users, keycloak.hidden)) == before


def test_an_account_is_switched_off_with_its_sessions_and_on_again(keycloak: Keycloak) -> None:
    added()
    assert json.loads(huiju("disable", "LI.na", "--json").stdout) == {
        "name": "li.na",
        "enabled": False,
        "changed": True,
    }
    assert (keycloak.user("li.na")["enabled"], keycloak.user("li.na")["ended"]) == (False, 1)
    assert "already" in huiju("disable", "li.na").stdout
    assert [row["name"] for row in json.loads(huiju("list", "--disabled", "--json").stdout)] == ["li.na"]
    huiju("enable", "li.na")
    assert keycloak.user("li.na")["enabled"] is True
    assert keycloak.user("li.na")["attributes"] == {"tier": ["city-staff"]}


def test_whom_the_roster_switched_off_an_operator_can_switch_off_for_good_and_on_record(keycloak: Keycloak) -> None:
    pupil = {"tier": "student", "person": "p", "slip": "1"}
    known = keycloak.accounts().make("s0001", {**pupil, "left": "2026-07-01"}, enabled=False)
    assert "would stay off whatever the roster says" in huiju("disable", "s0001", "--dry-run").stdout
    assert "left" in keycloak.user("s0001")["attributes"] and not kept()
    assert json.loads(huiju("disable", "s0001", "--json").stdout)["changed"] is True
    user = keycloak.user("s0001")
    assert (user["enabled"], user["attributes"]) == (False, {key: [value] for key, value in pupil.items()})
    assert "off already" in huiju("disable", "s0001").stdout
    assert [(each.action, each.resource) for each in kept()] == [("account-disable", f"account/{known}")]


def test_a_reset_gives_a_new_password_and_ends_sessions(keycloak: Keycloak) -> None:
    first = added()["password"]
    hidden = keycloak.hidden[keycloak.user("li.na")["id"]]
    hidden |= {"otp": True, "temporary": False}
    keycloak.users[keycloak.user("li.na")["id"]]["requiredActions"] = []
    second = json.loads(huiju("reset", "li.na", "--json").stdout)["password"]
    assert second != first
    user = keycloak.user("li.na")
    assert (user["password"], user["temporary"], user["ended"], user["otp"]) == (second, True, 1, True)
    huiju("reset", "li.na", "--second-factor")
    assert keycloak.user("li.na")["otp"] is False
    assert keycloak.user("li.na")["requiredActions"] == ["CONFIGURE_TOTP"]


def test_a_code_is_asked_of_a_teacher_who_heads_the_school_besides_once_it_is_set_up_for_them(
    keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = keycloak.accounts()
    accounts.give_role(accounts.make("t0001", {"tier": "teacher", "person": "p", "slip": "1"}, enabled=True), "teacher")
    monkeypatch.setattr(account, "_today", lambda *_: ("teacher", "a school"))
    huiju("reset", "t0001")
    assert keycloak.user("t0001")["roles"] == ["teacher"]
    huiju("reset", "t0001", "--second-factor")
    assert set(keycloak.user("t0001")["roles"]) == {"teacher", identity.ROLE_TWO_FACTOR}


def test_a_reset_gives_somebody_of_the_roster_the_tier_that_they_have_there_today(
    keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = keycloak.accounts()
    accounts.give_role(accounts.make("t0001", {"tier": "teacher", "person": "p", "slip": "1"}, enabled=True), "teacher")
    monkeypatch.setattr(account, "_today", lambda _, person: ("school-staff", f"school of {person}"))
    assert huiju("reset", "t0001").exit_code == 0
    user = keycloak.user("t0001")
    assert user["roles"] == ["school-staff"]
    assert user["attributes"] == {"tier": ["school-staff"], "school": ["school of p"], "person": ["p"], "slip": ["1"]}


def test_the_tier_of_the_day_is_of_the_first_role_that_holds_and_leads_to_one() -> None:
    def person(*rows: tuple[str | None, str, str]) -> Person:
        roles = tuple({"tier": tier, "place": begins, "begins": begins, "ends": ends} for tier, begins, ends in rows)
        return Person("p", True, None, "", None, roles, (), (), ())

    day, always = date(2026, 11, 28), ("-infinity", "infinity")
    assert person(("one", *always)).today(day) == ("one", "-infinity")
    assert person((None, *always), ("one", "2026-11-28", "2026-11-28")).today(day) == ("one", "2026-11-28")
    assert person(("one", "2026-11-29", "infinity"), ("two", "-infinity", "2026-11-27")).today(day) is None


def test_the_list_shows_staff_and_only_when_asked_everybody(keycloak: Keycloak) -> None:
    added()
    keycloak.accounts().make("s0001", {"tier": "student", "person": "p", "left": "2026-07-01"}, enabled=False)
    keycloak.accounts().make("service-account-of-something", {}, enabled=True)
    shown = huiju("list").stdout
    assert "li.na" in shown
    assert "s0001" not in shown
    everybody = huiju("list", "--all").stdout
    assert "off since 2026-07-01" in everybody
    assert "service-account" not in everybody
    assert [row["name"] for row in json.loads(huiju("list", "--all", "--tier", "student", "--json").stdout)] == [
        "s0001"
    ]


@pytest.mark.parametrize("words", [["disable"], ["enable"], ["reset"]])
def test_an_account_that_is_not_there_is_said(keycloak: Keycloak, words: list[str]) -> None:
    done = huiju(*words, "nobody.here")
    assert done.exit_code == 1
    assert "no account of that name" in str(done.exception)
    assert not keycloak.users


def test_a_mistyped_tier_is_said_and_not_shown_as_nobody(keycloak: Keycloak) -> None:
    done = huiju("list", "--tier", "city-staf")
    assert done.exit_code != 0
    assert "city-staff" in str(done.exception)
    assert huiju("list", "--tier", "city-staff").exit_code == 0


def test_whatever_is_done_to_an_account_is_on_record_under_its_id_and_no_name(keycloak: Keycloak) -> None:
    added(tier="evaluator")
    known = keycloak.user("li.na")["id"]
    for words in (["disable"], ["disable"], ["enable"], ["reset", "--second-factor"]):
        assert huiju(words[0], "li.na", *words[1:]).exit_code == 0
    entries = kept()
    assert {(each.kind, each.resource, each.why) for each in entries} == {(Kind.ACCOUNT, f"account/{known}", "done")}
    # What changes nothing is not recorded.
    assert [each.action for each in entries] == ["account-add", "account-disable", "account-enable", "account-reset"]
    assert (entries[0].facts["tier"], entries[3].facts["second_factor"]) == ("evaluator", 1)
    assert all(each.who and each.who.subject and each.policy for each in entries)
    lines = b"".join(pending.waiting("local").values())
    assert b"li.na" not in lines and keycloak.user("li.na")["password"].encode() not in lines


def test_who_lists_everybody_is_on_record_and_who_lists_staff_is_not(keycloak: Keycloak) -> None:
    added()
    huiju("list")
    huiju("list", "--all", "--disabled")
    assert [(each.kind, each.action, each.resource) for each in kept()[1:]] == [(Kind.DEED, "account-list", "accounts")]


def test_it_is_noted_before_it_takes_effect(keycloak: Keycloak) -> None:
    added()
    seen: list[bool] = []

    def looks(method: str, path: str) -> bool:
        if method != "GET" and "/users" in path:
            seen.append(bool(list(pending.folder().glob(f"local/*{pending.BEGUN}"))))
        return False

    keycloak.broken = looks
    for words in (
        ["disable", "li.na"],
        ["enable", "li.na"],
        ["reset", "li.na"],
        ["add", "wang.wei", "--tier", "evaluator"],
    ):
        assert huiju(*words).exit_code == 0
    assert len(seen) > 6 and all(seen)
    assert not list(pending.folder().glob(f"local/*{pending.BEGUN}"))


def test_what_cannot_be_noted_is_not_done(keycloak: Keycloak) -> None:
    added()
    before = repr((keycloak.users, keycloak.hidden))
    pending.folder().rename(pending.folder().with_suffix(".away"))
    pending.folder().write_text("in the way")
    for words in (["disable", "li.na"], ["reset", "li.na"], ["add", "wang.wei", "--tier", "evaluator"]):
        done = huiju(*words)
        assert done.exit_code == 1 and "nothing was done" in str(done.exception)
    assert repr((keycloak.users, keycloak.hidden)) == before


def test_what_fails_on_the_way_is_on_record_as_failed(keycloak: Keycloak) -> None:
    added()
    keycloak.broken = lambda method, _: method == "PUT"
    assert huiju("disable", "li.na").exit_code == 1
    assert [(each.action, each.why) for each in kept()][1:] == [("account-disable", "failed")]
