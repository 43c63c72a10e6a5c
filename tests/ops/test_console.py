"""Tables in a file or a pipe keep their words whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from local.doctor import Finding, State
from ops import console, doctor


def test_a_table_in_a_pipe_is_wide(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = Table("a", "b", box=None)
    table.add_row("x" * 70, "y" * 70)
    console.console().print(table)
    assert "x" * 70 in (shown := capsys.readouterr().out)
    assert "y" * 70 in shown


def test_what_the_doctor_advises_can_be_copied_from_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    mend = "apt-get install -y --no-install-recommends containernetworking-plugins"
    console.console().print(doctor.table([Finding("host", "programs", State.MISSING, "not here", mend)]))
    assert mend in capsys.readouterr().out


def test_every_command_that_shows_a_table_uses_it() -> None:
    ops = Path(console.__file__).parent
    wrong = [
        path.name
        for path in ops.glob("*.py")
        if "Table(" in (text := path.read_text(encoding="utf-8")) and re.search(r"(?<!\.)\bConsole\((?!stderr)", text)
    ]
    assert wrong == [], "print tables on ops.console.console()"


def test_no_terminal_is_needed() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("huiju")), "catalog", "show", "tiny"],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "TERM": "dumb"},
    )  # fmt: skip
    assert "\x1b" not in done.stdout
