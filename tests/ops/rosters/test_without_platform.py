"""What can be said of a roster's files is said without a platform."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from ops import roster
from ops.lessons import place


@pytest.mark.parametrize("command", [["import"], ["import", "--dry-run"], ["diff"], ["slips", "--school", "CODE"]])
def test_a_file_that_is_not_there_is_said_before_any_platform_is_asked(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(_: str) -> place.Place:
        raise AssertionError("the platform was asked first")

    monkeypatch.setattr(place, "of_stack", asked)
    done = CliRunner().invoke(roster.app, [*command, str(tmp_path / "none.zip")])
    assert isinstance(done.exception, UserError) and "does not exist" in str(done.exception)


@pytest.mark.parametrize(("command", "other"), [("check", "import"), ("import", "check")])
def test_the_two_looks_at_a_roster_name_each_other(command: str, other: str) -> None:
    shown = CliRunner().invoke(roster.app, [command, "--help"]).output
    assert f"huiju roster {other}" in re.sub(r"[\s│]+", " ", shown)
