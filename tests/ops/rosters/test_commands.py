"""The commands as typed, against a real PostgreSQL in the place of the stack's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops import roster
from ops.accounts import reaching as identity_service
from ops.cli import app
from tests.ops.rosters import small
from tests.roster_server import HASHES, Server


@pytest.fixture(autouse=True)
def without_accounts(stack: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack has no identity service."""
    monkeypatch.setattr(identity_service, "present", lambda _: False)


def huiju(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["roster", *words], input=stdin)


def test_a_roster_is_looked_at_taken_in_and_then_there(server: Server, folder: Path) -> None:
    people = len(small.read(folder, "users"))
    dry = huiju("import", str(folder), "--dry-run")
    assert f"{people} added, 0 changed, 0 removed" in dry.stdout
    assert "nothing was written" in dry.stdout
    assert server.all("SELECT count(*) FROM people") == [(0,)]
    assert "nothing was written" not in huiju("import", str(folder)).stdout
    assert server.all("SELECT count(*) FROM people") == [(people,)]
    assert server.all("SELECT by FROM imports") == [("somebody",)]
    assert "nothing to do" in huiju("import", str(folder)).stdout


def test_a_look_at_a_roster_counts_by_the_city_s_own_age(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = small.city()
    minors = city.minors.model_copy(update={"guardian_consent_below": 9})
    monkeypatch.setattr(roster, "load_named", lambda _: city.model_copy(update={"minors": minors}))
    assert "of them under 9;" in huiju("check", str(folder)).stdout


def test_a_difference_for_programs_is_json_and_nothing_else(folder: Path) -> None:
    done = huiju("diff", str(folder), "--json")
    assert json.loads(done.stdout)["people"]["added"] == len(small.read(folder, "users"))


def test_a_difference_that_could_not_be_taken_in_is_shown_with_what_to_do(server: Server, folder: Path) -> None:
    server.take(folder)
    for file, column in (("users", "sourcedId"), ("roles", "userSourcedId"), ("enrollments", "userSourcedId")):
        rows = [row for row in small.read(folder, file) if not row[column].startswith("t") or row[column].endswith("0")]
        small.write(folder, file, rows)
    shown = huiju("diff", str(folder))
    assert shown.exit_code == 0
    assert "--allow-removals" in shown.stdout
    refused = huiju("import", str(folder))
    assert refused.exit_code == 1
    assert "would switch off 4 of 30 people" in str(refused.exception)
    assert "4 removed" in huiju("import", str(folder), "--allow-removals").stdout


def test_somebody_is_shown_by_an_id_that_was_asked_for(server: Server, folder: Path) -> None:
    server.take(folder)
    pupil = next(row["sourcedId"] for row in small.read(folder, "users") if row["sourcedId"].startswith("s"))
    shown = huiju("show", "-", stdin=f"{pupil}\n")
    assert "student as student" in shown.stdout
    assert pupil not in shown.output
    whole = json.loads(huiju("show", str(HASHES.of(pupil)), "--json").stdout)
    assert whole["id"] == str(HASHES.of(pupil))
    assert huiju("show", pupil).exit_code == 1
