"""The namespace of a run goes with the run, also when the run's process is killed; logs that end early are read on."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from catalog.errors import UserError
from local import toolchain
from ops.lessons.place import Place
from ops.loads import incluster

KUBECTL = """#!/bin/sh
echo "$*" >> {folder}/calls
case "$*" in
  *"get namespace"*) cat {folder}/there ;;
  *"get pods"*) cat {folder}/pods; cp {folder}/ended {folder}/pods ;;
  *"logs"*) cat {folder}/log ;;
esac
"""


def pod(phase: str) -> str:
    return json.dumps({"items": [{"metadata": {"name": "m"}, "status": {"phase": phase}}]})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A stack whose kubectl writes down what it is asked; `there` holds what it says of the namespace."""
    tool = tmp_path / "kubectl"
    tool.write_text(KUBECTL.format(folder=tmp_path))
    tool.chmod(0o755)
    (tmp_path / "there").touch()
    (tmp_path / "calls").touch()
    monkeypatch.setattr(toolchain, "tool", lambda _: tool)
    return Place("s", {}, None, None)


def silent() -> Console:
    return Console(file=io.StringIO())


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def deleted(folder: Path) -> bool:
    return any(call.startswith("delete namespace load-test") for call in calls(folder))


def test_the_namespace_is_deleted_when_the_run_ends(place: Place, tmp_path: Path) -> None:
    with incluster.cleaned(place, silent()):
        assert not deleted(tmp_path)
    assert deleted(tmp_path)


def test_it_is_deleted_when_the_run_fails(place: Place, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), incluster.cleaned(place, silent()):
        raise RuntimeError
    assert deleted(tmp_path)


def test_a_namespace_that_takes_its_time_is_said_and_takes_no_result_away(place: Place, tmp_path: Path) -> None:
    tool = tmp_path / "kubectl"
    tool.write_text(tool.read_text().replace("case", 'case "$*" in *"delete namespace"*) exit 1;; esac\ncase', 1))
    said = io.StringIO()
    with incluster.cleaned(place, Console(file=said, width=200)):
        result = "a result"
    assert result
    assert "huiju load clean" in said.getvalue()


def test_a_master_that_is_taken_away_ends_the_lines(place: Place, tmp_path: Path) -> None:
    (tmp_path / "pods").write_text(pod("Running"))
    (tmp_path / "ended").write_text('{"items": []}')
    (tmp_path / "log").write_text('{"progress": 1}\n')
    assert list(incluster._lines(place, tmp_path / "run.log")) == ['{"progress": 1}\n']


def test_it_is_deleted_when_the_process_is_killed(place: Place, tmp_path: Path) -> None:
    code = (
        "import time; from ops.loads import incluster; from ops.lessons.place import Place; from local import toolchain;"
        "from rich.console import Console;"
        f"toolchain.tool = lambda _: {str(tmp_path / 'kubectl')!r};"
        "guard = incluster.cleaned(Place('s', {}, None, None), Console()); guard.__enter__(); print('on', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "on\n"
        assert not deleted(tmp_path)
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(100):
        if deleted(tmp_path):
            return
        time.sleep(0.1)
    raise AssertionError("the namespace stayed")


def test_a_run_that_is_under_way_is_not_disturbed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("namespace/load-test\n")
    with pytest.raises(UserError, match="huiju load clean"), incluster.cleaned(place, silent()):
        pytest.fail("it began")
    assert not deleted(tmp_path)


def test_cleaning_takes_away_what_is_there_and_says_when_nothing_was(place: Place, tmp_path: Path) -> None:
    assert not incluster.clean(place)
    (tmp_path / "there").write_text("namespace/load-test\n")
    assert incluster.clean(place)
    assert deleted(tmp_path)


def test_lines_are_read_once_though_the_log_ended_early(place: Place, tmp_path: Path) -> None:
    (tmp_path / "pods").write_text(pod("Running"))
    (tmp_path / "ended").write_text(pod("Succeeded"))
    (tmp_path / "log").write_text('{"progress": 1}\nnoise\nthe node complains')
    found = []
    for line in incluster._lines(place, tmp_path / "run.log"):
        found.append(line)
        if len(found) == 2:
            (tmp_path / "log").write_text('{"progress": 1}\nnoise\n{"result": 2}\n')
    assert found == ['{"progress": 1}\n', "noise\n", '{"result": 2}\n']
    assert (tmp_path / "run.log").read_text() == "noise\n"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such"}}}]}, "ErrImagePull no such"),
        ({"conditions": [{"status": "False", "message": "Insufficient cpu"}]}, "Insufficient cpu"),
        ({}, ""),
    ],
)  # fmt: skip
def test_what_a_pod_waits_for_is_said(status: dict[str, object], said: str) -> None:
    assert incluster._waiting(status) == said
