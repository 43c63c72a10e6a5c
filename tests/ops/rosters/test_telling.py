"""What the commands say of a roster and of a person: numbers and ids of the platform, never who somebody is in the register."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from catalog.errors import UserError
from ops.rosters import telling
from ops.rosters.importing import Outcome
from ops.rosters.person import Person
from tests.ops.rosters import small
from tests.roster_server import HASHES, READER, Server

FIRST = small.city().schools[0].code
PUPIL, PARENT = f"s{FIRST}00000", f"p{FIRST}00000"


def said(done: Outcome) -> str:
    """An outcome as it is shown."""
    out = io.StringIO()
    telling.outcome(done, Console(file=out, width=160))
    return out.getvalue()


def looked_up(server: Server, user: str) -> Person:
    """A person, by their id in the register."""
    with server.connect(READER) as connection:
        return telling.look_up(connection, HASHES.of(user))


def test_a_difference_is_told_by_place_and_role_in_numbers_alone(server: Server, folder: Path) -> None:
    done = server.take(folder, dry=True)
    data = telling.as_data(done)
    people = small.read(folder, "users")
    assert data["people"] == {"added": len(people), "changed": 0, "removed": 0}
    assert {(row["place"], row["role"]): row["added"] for row in data["places"]}[FIRST, "student"] == 6
    assert sum(row["added"] for row in data["places"]) == len(people)
    shown = said(done) + json.dumps(data)
    assert "nothing was written" in shown
    assert not [row for row in people if row["sourcedId"] in shown or str(HASHES.of(row["sourcedId"])) in shown]


def test_what_is_in_already_is_told_with_its_moment(server: Server, folder: Path) -> None:
    server.take(folder)
    again = server.take(folder)
    assert "nothing to do: this roster is in since 20" in said(again)
    assert f" in {small.city().timezone}" in said(again)
    assert telling.as_data(again)["same"] is True


def test_the_moment_at_which_a_roster_came_in_is_told_in_a_zone_with_a_name() -> None:
    at = datetime(2026, 11, 30, 18, 30, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    assert "in since 2026-12-01 02:30:00 in Asia/Shanghai" in said(Outcome(None, at))


def test_a_pupil_is_told_with_tier_school_class_and_guardian(server: Server, folder: Path) -> None:
    server.take(folder)
    found = looked_up(server, PUPIL)
    assert [(each["tier"], each["place"]) for each in found.roles] == [("student", FIRST)]
    assert [(each["class"], each["school"]) for each in found.classes] == [(f"{FIRST}-c000", FIRST)]
    assert found.guardians == (str(HASHES.of(PARENT)),)
    assert (found.children, found.enabled, found.left_at, found.minor) == ((), True, None, True)
    out = io.StringIO()
    telling.person(found, small.city(), Console(file=out, width=160))
    for part in (found.id, "student as student", f"class {FIRST}-c000", f"guardian {found.guardians[0]}"):
        assert part in out.getvalue()
    assert PUPIL not in out.getvalue() + json.dumps(asdict(found))


def test_a_pupil_whose_birth_is_unknown_counts_as_a_minor(server: Server, folder: Path) -> None:
    rows = small.read(folder, "demographics")
    small.write(folder, "demographics", [row for row in rows if row["sourcedId"] != PUPIL])
    server.take(folder)
    assert looked_up(server, PUPIL).minor is None
    assert looked_up(server, PARENT).minor is False


def test_an_id_of_the_register_is_read_from_the_input_and_never_from_the_words(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.take(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PUPIL}\n"))
    assert telling.identity("-", lambda: HASHES) == HASHES.of(PUPIL)
    assert telling.identity(str(HASHES.of(PUPIL)), lambda: HASHES) == HASHES.of(PUPIL)
    with pytest.raises(UserError, match="no id of the platform") as refused:
        telling.identity(PUPIL, lambda: HASHES)
    assert PUPIL not in str(refused.value)


def test_who_is_nobody_is_said_to_be(server: Server) -> None:
    with pytest.raises(UserError, match="is nobody here"):
        looked_up(server, "nobody")
