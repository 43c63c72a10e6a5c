"""Accounts on a real platform: from a slip to an account, used once, and off when the roster switches its person off; staff by command."""

from __future__ import annotations

import csv
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from catalog import load_named, names
from catalog.access import Scope
from derive import identity
from ops.accounts import reaching
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching as rosters
from services.entitlement.accounts import Accounts
from tests.integration.conftest import Platform
from tests.ops.rosters import small

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
OWNER, *_ = names.database_roles(names.DATABASE_ROSTER)
GOOD, BETTER = "a planted password 4711", "another planted password 4712"
STAFF = "test.staff"


def huiju(platform: Platform, *words: str, stdin: str | None = None) -> Result:
    """A command, as typed."""
    done = CliRunner().invoke(app, [*words, "--stack", platform.stack], input=stdin)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


@pytest.fixture(scope="module")
def where(platform: Platform) -> Place:
    """The platform as the commands see it."""
    return place.of_stack(platform.stack)


@pytest.fixture(scope="module")
def folder(platform: Platform, where: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A made-up roster of the small city, taken in; it and the accounts are gone afterwards."""
    path = tmp_path_factory.mktemp("accounts") / "files"
    assert CliRunner().invoke(app, ["roster", "sample", "--schools", "tiny", "--out", str(path)]).exit_code == 0
    huiju(platform, "roster", "import", str(path))
    yield path
    users = {row["sourcedId"] for row in small.read(path, "users")}
    with reaching.keeping(where) as accounts:
        for each in list(accounts.listed()):
            if each.username in users | {STAFF}:
                accounts.remove(each.id)
    with rosters.connecting(where, OWNER) as connect, connect() as connection:
        connection.execute("TRUNCATE people, roles, classes, enrolments, guardians, imports, consents, seats")


@pytest.fixture
def accounts(where: Place) -> Iterator[Accounts]:
    with reaching.keeping(where) as found:
        yield found


def slip(platform: Platform, folder: Path, person: str, number: int = 1) -> str:
    """The code of somebody's slip, from the file that the operator prints."""
    out = folder.parent / f"{person}-{number}"
    code = person[1:11]
    words = ["--school", code, "--only", "--number", str(number), "--out", str(out), "--force"]
    huiju(platform, "roster", "slips", str(folder), *words, stdin=f"{person}\n")
    (row,) = csv.DictReader(out.with_name(f"{out.name}.csv").read_text(encoding="utf-8-sig").splitlines())
    return row["code"]


def first(platform: Platform, person: str, code: str, password: str) -> tuple[int, dict[str, Any]]:
    """What the page is answered."""
    trust = ssl.create_default_context(cafile=str(platform.authority))
    body = {"id": person, "code": code, "password": password}
    answer = httpx.post(
        f"{platform.url.rstrip('/')}/access/first", json=body, verify=trust, trust_env=False, timeout=30
    )
    return answer.status_code, answer.json()


def test_from_a_slip_to_an_account_and_out_again(platform: Platform, folder: Path, accounts: Accounts) -> None:
    users = small.read(folder, "users")
    pupil = next(row["sourcedId"] for row in users if row["sourcedId"].startswith("s"))
    code = slip(platform, folder, pupil)

    assert first(platform, pupil, "00000-00000", GOOD)[1]["reason"] == "slip-wrong"
    status, said = first(platform, pupil, code, "1")
    assert (status, said["reason"]) == (422, "password-refused"), said
    assert any(digit in said["en"] for digit in "0123456789"), "the rule that was broken is named"
    status, said = first(platform, pupil.upper(), code, GOOD)
    assert (status, said) == (201, {"username": pupil, "account": "made"})

    found = accounts.find(pupil)
    assert found is not None
    person = json.loads(huiju(platform, "roster", "show", "-", "--json", stdin=f"{pupil}\n").stdout)["id"]
    (role,) = (tier.id for tier in load_named("tiny").tiers if "student" in tier.roster_roles)
    assert (found.enabled, role in accounts.roles(found.id)) == (True, True)
    assert found.attributes == {
        identity.ATTRIBUTE_TIER: role, identity.ATTRIBUTE_SCHOOL: pupil[1:11], identity.ATTRIBUTE_PERSON: person,
        identity.ATTRIBUTE_SLIP: "1",
    }  # fmt: skip
    assert accounts.of_person(person) == [found]

    assert first(platform, pupil, code, BETTER)[1]["reason"] == "slip-used"
    status, said = first(platform, pupil, slip(platform, folder, pupil, 2), BETTER)
    assert (status, said.get("account")) == (200, "renewed"), said

    third = slip(platform, folder, pupil, 3)
    small.write(folder, "users", ({**row, "enabledUser": str(row["sourcedId"] != pupil).lower()} for row in users))
    assert "1 switched off" in huiju(platform, "roster", "import", str(folder)).output
    off = accounts.find(pupil)
    assert off is not None
    assert (off.enabled, identity.ATTRIBUTE_LEFT in off.attributes) == (False, True)
    assert first(platform, pupil, third, GOOD)[1]["reason"] == "not-in-roster"

    small.write(folder, "users", users)
    assert "1 switched on again" in huiju(platform, "roster", "import", str(folder)).output
    back = accounts.find(pupil)
    assert back is not None
    assert back.enabled


def test_staff_get_an_account_by_command_and_lose_it(platform: Platform, folder: Path, accounts: Accounts) -> None:
    city = load_named("tiny")
    tier = next(each for each in city.tiers if each.scope is Scope.DISTRICT and each.two_factor)
    words = [STAFF, "--tier", tier.id, "--school", city.districts[0].division_code]
    made = json.loads(huiju(platform, "account", "add", *words, "--json").stdout)
    found = accounts.find(STAFF)
    assert found is not None
    assert found.enabled
    assert set(found.whole["requiredActions"]) == {"UPDATE_PASSWORD", "CONFIGURE_TOTP"}
    assert tier.id in accounts.roles(found.id)
    assert made["password"] != json.loads(huiju(platform, "account", "reset", STAFF, "--json").stdout)["password"]
    huiju(platform, "account", "disable", STAFF)
    listed = json.loads(huiju(platform, "account", "list", "--disabled", "--json").stdout)
    assert [row["name"] for row in listed] == [STAFF]
