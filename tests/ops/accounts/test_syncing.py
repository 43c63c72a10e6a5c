"""Accounts follow the roster: off when it switches somebody off, on when it has them again, and nobody else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from ops import account, roster
from ops.accounts import keeping, syncing
from ops.accounts import reaching as identity_service
from ops.accounts.syncing import Done, People, sync
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching
from ops.rosters.importing import Connect
from services.entitlement.accounts import Accounts
from tests.keycloak import Keycloak
from tests.ops.rosters import small
from tests.roster_server import HASHES, KEEPER, Server

TODAY = date(2026, 11, 28)
LATELY = timedelta(days=1)


@pytest.fixture
def keycloak() -> Keycloak:
    """A realm in which every pupil and teacher of the small roster has an account, and an operator too."""
    return Keycloak(tier.id for tier in small.city().tiers)


@pytest.fixture
def here(server: Server, folder: Path, keycloak: Keycloak) -> list[str]:
    """The roster is in; ids of whoever has an account."""
    server.take(folder)
    accounts = keycloak.accounts()
    people = [row["sourcedId"] for row in small.read(folder, "users") if row["sourcedId"][0] in "st"]
    for each in people:
        accounts.make(each, {"tier": "student", "person": str(HASHES.of(each))}, enabled=True)
    accounts.make("li.na", {"tier": "evaluator"}, enabled=True)
    return people


def leave(server: Server, folder: Path, *people: str) -> None:
    """Take a roster in without these."""
    for file, column in (
        ("users", "sourcedId"),
        ("roles", "userSourcedId"),
        ("enrollments", "userSourcedId"),
        ("demographics", "sourcedId"),
    ):
        small.write(folder, file, (row for row in small.read(folder, file) if row[column] not in people))
    users = small.read(folder, "users")
    for row in users:
        row["agentSourcedIds"] = ",".join(each for each in row["agentSourcedIds"].split(",") if each not in people)
    small.write(folder, "users", users)
    server.take(folder, removals=True)


def follow(server: Server, keycloak: Keycloak, *, dry: bool = False, back: timedelta = LATELY) -> Done:
    people = People(lambda: server.connect(KEEPER))
    return sync(keycloak.accounts(), people, datetime.now(UTC) - back, TODAY, lambda _: None, dry=dry)


def on(keycloak: Keycloak) -> set[str]:
    return {user["username"] for user in keycloak.users.values() if user["enabled"]}


@pytest.fixture(params=[syncing.FEW, 0])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are looked up one by one, or all read at once."""
    monkeypatch.setattr(syncing, "FEW", request.param)


@pytest.mark.usefixtures("few")
def test_who_left_is_switched_off_and_signed_out_and_nobody_else_is_touched(
    server: Server, folder: Path, keycloak: Keycloak, here: list[str]
) -> None:
    assert follow(server, keycloak) == Done(0, 0, 0)
    everybody, gone = on(keycloak), here[:2]
    leave(server, folder, *gone)
    assert follow(server, keycloak, dry=True) == Done(2, 2, 0)
    assert on(keycloak) == everybody
    keycloak.asked.clear()
    assert follow(server, keycloak) == Done(2, 2, 0)
    assert on(keycloak) == everybody - set(gone)
    assert {keycloak.user(each)["ended"] for each in gone} == {1}
    assert keycloak.user(gone[0])["attributes"]["left"] == ["2026-11-28"]
    assert len([each for each in keycloak.asked if each.startswith(("PUT", "POST /admin"))]) == 4
    assert follow(server, keycloak) == Done(2, 0, 0)


@pytest.mark.usefixtures("few")
def test_every_account_of_somebody_follows_also_those_that_they_have_by_an_outside_provider(
    server: Server, folder: Path, keycloak: Keycloak, here: list[str], tmp_path: Path
) -> None:
    gone, whole = here[0], small.written(tmp_path / "whole")
    for name in ("a-province", "z-province"):
        keycloak.accounts().make(name, {"tier": "student", "person": str(HASHES.of(gone))}, enabled=True)
    everybody = on(keycloak)
    leave(server, folder, gone)
    assert follow(server, keycloak) == Done(1, 3, 0)
    assert everybody - on(keycloak) == {gone, "a-province", "z-province"}
    server.take(whole)
    assert follow(server, keycloak) == Done(0, 0, 3)
    assert on(keycloak) == everybody


def test_whom_the_register_no_longer_lets_sign_in_is_switched_off_too(
    server: Server,
    folder: Path,
    keycloak: Keycloak,
    here: list[str],
) -> None:
    rows = [{**row, "enabledUser": str(row["sourcedId"] != here[0]).lower()} for row in small.read(folder, "users")]
    small.write(folder, "users", rows)
    server.take(folder)
    assert follow(server, keycloak) == Done(1, 1, 0)
    assert here[0] not in on(keycloak)


def test_who_is_back_is_switched_on_again_but_not_whom_an_operator_switched_off(
    server: Server,
    folder: Path,
    keycloak: Keycloak,
    here: list[str],
    tmp_path: Path,
) -> None:
    gone, off = here[:2], here[2]
    leave(server, folder, *gone)
    follow(server, keycloak)
    accounts = keycloak.accounts()
    found = accounts.find(off)
    assert found is not None
    accounts.change(found, enabled=False)
    server.take(small.written(tmp_path / "whole"))
    assert follow(server, keycloak) == Done(0, 0, 2)
    assert set(gone) <= on(keycloak)
    assert off not in on(keycloak)
    assert "left" not in keycloak.user(gone[0])["attributes"]


def test_whom_an_operator_switched_off_after_the_roster_had_stays_off_when_they_are_back(
    server: Server,
    folder: Path,
    keycloak: Keycloak,
    here: list[str],
    tmp_path: Path,
) -> None:
    leave(server, folder, *here[:2])
    follow(server, keycloak)
    assert keeping.switch(keycloak.accounts(), here[0], on=False)
    assert not keeping.switch(keycloak.accounts(), here[0], on=False)
    server.take(small.written(tmp_path / "whole"))
    assert follow(server, keycloak) == Done(0, 0, 1)
    assert here[1] in on(keycloak)
    assert here[0] not in on(keycloak)


def test_who_left_long_ago_is_not_asked_for_again(
    server: Server, folder: Path, keycloak: Keycloak, here: list[str]
) -> None:
    leave(server, folder, here[0])
    assert follow(server, keycloak, back=-LATELY) == Done(0, 0, 0)


@pytest.mark.usefixtures("unshipped")
def test_an_import_lets_accounts_follow_and_says_what_to_do_where_they_cannot(
    server: Server,
    folder: Path,
    keycloak: Keycloak,
    here: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    down = [True]

    @contextmanager
    def keeping(_: Place) -> Iterator[Accounts]:
        if down[0]:
            raise UserError("identity cannot be reached")
        yield keycloak.accounts()

    @contextmanager
    def connecting(_: Place, role: str) -> Iterator[Connect]:
        yield lambda: server.connect(role)

    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {}, None, None))
    for name, stand_in in (("connecting", connecting), ("pseudonyms", lambda _: HASHES), ("who", lambda _: "somebody")):
        monkeypatch.setattr(reaching, name, stand_in)
    monkeypatch.setattr(identity_service, "present", lambda _: True)
    monkeypatch.setattr(identity_service, "keeping", keeping)
    monkeypatch.setattr(roster, "load_named", lambda _: small.city())
    monkeypatch.setattr(roster, "today", lambda _: small.TODAY)
    rows = [{**row, "enabledUser": str(row["sourcedId"] != here[0]).lower()} for row in small.read(folder, "users")]
    small.write(folder, "users", rows)
    words = ["roster", "import", str(folder)]
    failed = CliRunner().invoke(app, words)
    assert failed.exit_code == 1
    assert "the roster is in" in str(failed.exception)
    assert "huiju account sync" in str(failed.exception)
    down[0] = False
    assert CliRunner().invoke(app, [*words, "--dry-run"]).exit_code == 0
    assert here[0] in on(keycloak)
    again = CliRunner().invoke(app, words)
    assert "1 switched off" in again.output
    assert here[0] not in on(keycloak)
    assert "0 switched off" in CliRunner().invoke(app, ["account", "sync"]).output
    assert account.told(Done(3, 2, 1), dry=True).startswith("accounts: 2 would be switched off")
