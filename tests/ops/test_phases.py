"""Timed phases of a long command."""

from __future__ import annotations

import errno
import json
from io import StringIO

import pytest
from rich.console import Console

from catalog.errors import UserError
from ops.phases import Phases, record_file


def test_every_phase_is_shown_and_written_down_with_its_seconds() -> None:
    out = StringIO()
    phases = Phases(Console(file=out, width=100))
    with phases.phase("tools"):
        phases.now("something")
    with phases.phase("cluster"):
        phases.say("a line that stays")
    phases.keep()
    record = json.loads(record_file().read_text())
    assert list(record["phases"]) == ["tools", "cluster"]
    assert record["seconds"] == pytest.approx(sum(record["phases"].values()), abs=0.02)
    assert "a line that stays" in out.getvalue()


def test_a_phase_that_fails_is_marked_and_not_counted() -> None:
    out = StringIO()
    phases = Phases(Console(file=out, width=100))
    with pytest.raises(UserError), phases.phase("images"):
        raise UserError("no")
    assert "✗ images" in out.getvalue()
    assert phases.seconds == {}


def test_a_full_disk_is_one_clear_error() -> None:
    with pytest.raises(UserError, match="the disk is full"), Phases(Console(quiet=True)).phase("images"):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/file")


def test_markup_in_what_is_said_is_text() -> None:
    out = StringIO()
    phases = Phases(Console(file=out, width=100))
    with phases.phase("state"):
        phases.say("[red]not a colour[/]")
    assert "[red]not a colour[/]" in out.getvalue()
