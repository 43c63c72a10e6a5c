"""What `huiju` itself says: help without noise, and one clear message for what goes wrong outside the kit."""

from __future__ import annotations

import errno
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from local import paths
from ops import cli
from ops.stack import session


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_the_help_of_a_sub_command_is_about_that_command(name: str) -> None:
    shown = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "completion" not in shown.output
    usage = next(line for line in shown.output.splitlines() if "Usage:" in line)
    assert ("COMMAND" in usage) == ("Commands" in shown.output), usage


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("there is no such city"), "there is no such city"),
        (OSError(errno.ENOSPC, "No space left on device", "/full/file"), "the disk is full (/full/file"),
        (PermissionError(errno.EACCES, "Permission denied", "/kept"), "Permission denied: '/kept'"),
        (OSError("ctr images import: no"), "ctr images import: no"),
    ],
)
def test_what_goes_wrong_is_one_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert said in shown
    assert "Traceback" not in shown


def test_a_mistake_of_the_kit_itself_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "app", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_city_of_ones_own_is_given_to_the_engine_as_a_whole_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(paths.ROOT / "catalog" / "data" / "tiny", tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITY", "tiny")  # the command sets it for its children
    wanted: list[session.Wanted] = []
    monkeypatch.setattr(session, "provision", lambda each, *_, **__: wanted.append(each))
    shown = CliRunner().invoke(cli.app, ["up", "--city", "./mine", "--preview"])
    assert shown.exit_code == 0, shown.output
    assert wanted[0].city == str(tmp_path / "mine")


def test_a_profile_that_is_none_is_refused_before_anything_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "provision", lambda *_, **__: pytest.fail("started"))
    shown = CliRunner().invoke(cli.app, ["up", "--profile", "production"])
    assert shown.exit_code == 2
    assert "'local', 'prod'" in shown.output


def test_help_imports_no_sub_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in cli.COMMANDS:
        monkeypatch.delitem(sys.modules, f"ops.{name}", raising=False)
    shown = CliRunner().invoke(cli.app, ["--help"])
    assert shown.exit_code == 0
    assert not [name for name in cli.COMMANDS if f"ops.{name}" in sys.modules]
