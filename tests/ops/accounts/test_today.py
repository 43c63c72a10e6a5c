"""A reset of somebody who is in the roster: what they are is asked of the real database, as the role that sees one person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.accounts import reaching as identity_service
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching
from ops.rosters.importing import Connect
from services.entitlement.accounts import Accounts
from tests.keycloak import Keycloak
from tests.ops.rosters import small
from tests.roster_server import HASHES, READER, Server

TEACHER = f"t{small.city().schools[0].code}0001"


@pytest.fixture
def keycloak(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Keycloak:
    """A teacher's account that says that they are a pupil elsewhere."""
    made = Keycloak(tier.id for tier in small.city().tiers)

    @contextmanager
    def keeping(_: Place) -> Iterator[Accounts]:
        yield made.accounts()

    @contextmanager
    def connecting(_: Place, role: str) -> Iterator[Connect]:
        assert role == READER
        yield lambda: server.connect(role)

    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {}, None, None))
    monkeypatch.setattr(identity_service, "keeping", keeping)
    monkeypatch.setattr(reaching, "connecting", connecting)
    accounts = made.accounts()
    facts = {"tier": "student", "school": "0000000000", "person": str(HASHES.of(TEACHER)), "slip": "1"}
    accounts.give_role(accounts.make(TEACHER, facts, enabled=True), "student")
    return made


def test_they_get_tier_school_and_role_of_today(server: Server, folder: Path, keycloak: Keycloak) -> None:
    server.take(folder)
    assert CliRunner().invoke(app, ["account", "reset", TEACHER]).exit_code == 0
    user = keycloak.user(TEACHER)
    assert user["roles"] == ["teacher"]
    assert user["attributes"] == {
        "tier": ["teacher"], "school": [TEACHER[1:11]], "person": [str(HASHES.of(TEACHER))], "slip": ["1"],
    }  # fmt: skip
    assert user["temporary"]


def test_who_may_not_sign_in_by_the_register_gets_no_new_password(
    server: Server, folder: Path, keycloak: Keycloak
) -> None:
    for taken_in in (False, True):
        if taken_in:
            rows = [
                {**row, "enabledUser": str(row["sourcedId"] != TEACHER).lower()} for row in small.read(folder, "users")
            ]
            small.write(folder, "users", rows)
            server.take(folder)
        refused = CliRunner().invoke(app, ["account", "reset", TEACHER])
        assert refused.exit_code == 1
        assert "does not let them sign in any more" in str(refused.exception)
        assert keycloak.user(TEACHER)["password"] is None
