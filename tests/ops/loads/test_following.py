"""A run is followed by its lines: progress, a report, a result; one that ends without a result is broken."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from catalog.target import Direction
from loadtests import verdict
from loadtests.tally import Tally
from loadtests.verdict import Exit, Goal, Outcome, Reading, Verdict
from ops import load
from ops.lessons import place
from ops.loads import following, incluster, local, orders, sessions
from ops.loads.following import Display, Result, follow

PROGRESS = {
    "second": 3.0, "of": 10.0, "arrived": 4, "expected": 9, "playing": 2, "requests": 50, "failed": 1, "per_second": 5.5, "stalls": 0,
}  # fmt: skip
GOAL = Goal(name={"zh": "甲", "en": "A"}, measure=verdict.MEASURES[1], direction=Direction.AT_MOST, value=5)
MISSED = Verdict(goal=GOAL, reading=Reading(value=9, samples=100), outcome=Outcome.MISSED)


def shown(*lines: object) -> tuple[Result, str]:
    out = io.StringIO()
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return follow(texts, Display(Console(file=out, width=200))), out.getvalue()


def result_line(code: Exit = Exit.MISSED, broken: str = "") -> dict[str, object]:
    row = {"exit": int(code), "broken": broken, "bottleneck": "", "tally": Tally(arrived=9).model_dump()}
    return {"result": {**row, "verdicts": [MISSED.model_dump(mode="json")]}}


def test_the_result_is_what_the_last_line_says() -> None:
    result, _ = shown({"progress": PROGRESS}, result_line())
    assert (result.exit, result.verdicts, result.tally.arrived) == (Exit.MISSED, (MISSED,), 9)


@pytest.mark.parametrize("lines", [(), ("Traceback (most recent call last)", "[1, 2]", {"progress": PROGRESS})])
def test_without_a_result_the_run_is_broken(lines: tuple[object, ...]) -> None:
    result, _ = shown(*lines)
    assert result.exit is Exit.BROKEN
    assert result.broken


def test_who_does_not_watch_gets_a_line_now_and_then() -> None:
    _, said = shown(*({"progress": {**PROGRESS, "second": float(second), "of": 60.0}} for second in range(60)))
    assert said.count("4/9 people") in (6, 7)


def test_a_report_that_came_with_the_lines_is_kept(tmp_path: Path) -> None:
    result, _ = shown({"report": base64.b64encode(gzip.compress(b"<html>")).decode()}, result_line())
    following.keep(result, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == b"<html>"


def invoke(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(load.app, list(words), env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform for which a run may begin."""
    monkeypatch.setattr(place, "of_stack", lambda stack: place.Place(stack, {"city": "tiny"}, None, None))
    monkeypatch.setattr(orders, "order", lambda *_, **__: None)
    monkeypatch.setattr(sessions, "minted", lambda *_: {})


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("code", list(Exit))
def test_the_command_ends_as_the_run_did(code: Exit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = Result(code, "a worker was lost" if code is Exit.BROKEN else "", "", (MISSED,))
    monkeypatch.setattr(local, "run", lambda *_, **__: result)
    ended, said = invoke("run", "--report", str(tmp_path / "report.html"))
    assert ended == code
    assert "missed" in said
    assert ("a worker was lost" in said) == (code is Exit.BROKEN)


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("when", ["in the run", "at the report"])
def test_a_full_disk_breaks_the_run_and_misses_no_target(
    when: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> Result:
        raise OSError(errno.ENOSPC, "No space left on device")

    met = Result(Exit.MET, "", "", (MISSED,))
    monkeypatch.setattr(local, "run", full if when == "in the run" else lambda *_, **__: met)
    monkeypatch.setattr(following, "keep", full)
    ended, said = invoke("run", "--report", str(tmp_path / "report.html"))
    assert ended == Exit.BROKEN
    assert "No space left" in said
    assert ("missed" in said) == (when == "at the report"), "what was found is shown first"


def test_a_run_that_cannot_begin_is_broken_and_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, said = invoke("run", "--stack", "nowhere")
    assert ended == Exit.BROKEN
    assert "Pulumi.nowhere.yaml" in said
    assert invoke("run", "--dry-run", "--city", "tiny", "--at", "nonsense")[0] == Exit.BROKEN


def test_a_dry_run_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (local, incluster):
        monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("it ran"))
    ended, said = invoke("run", "--dry-run", "--city", "tiny", "--minutes", "1")
    assert ended == Exit.MET
    assert "30 times as fast" in said


def test_the_plan_shows_the_busiest_moments_for_each_share_of_the_caches() -> None:
    ended, said = invoke("plan", "--city", "tiny", "--cache", "0", "--cache", "0.5", "--sources")
    assert ended == 0
    assert said.count("lesson peak") == 2
    assert "50%" in said
    assert "Abendzeitung" in said
    assert invoke("plan", "--city", "tiny", "--cache", "2")[0] == 1
