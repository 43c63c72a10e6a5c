"""What a trial school's box answered is told by the clock of the city, which is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from derive import access_log
from ops.lessons import place
from ops.lessons.place import Place
from ops.schools import watching


def test_the_box_s_answers_are_told_by_the_city_s_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 30, 18, 30, 5, tzinfo=UTC)
    nothing = dict.fromkeys(("request", "route", "certificate", "tier", "school", "subject", "policy"))
    answer = access_log.Access(
        access_log.BOX, at, "GET", "/lessons/x.m4s", 200, 1, 3, why="TCP_HIT", address="10.0.0.1", **nothing
    )
    monkeypatch.setattr(watching, "watch", lambda *_: watching.Play(1.0, (answer,)))
    monkeypatch.setattr(place, "of_stack", lambda stack: Place(stack, {"city": "tiny"}, None, None))
    app = typer.Typer()
    app.command()(watching.play)
    said = CliRunner().invoke(app, ["2990100001", "--times", "1"]).output
    assert "  02:30:05 10.0.0.1 200" in said
    assert "times in Asia/Shanghai" in said
