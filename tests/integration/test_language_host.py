"""The real engine runs real programs and policy packs through the language host; a backend in a folder, no cluster, no provider."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from local import toolchain

pytestmark = pytest.mark.integration

PROGRAM = """
import os, pulumi, time
config = pulumi.Config()
print("the program runs", flush=True)
class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Thing", name)
        self.register_outputs({})
for name in config.require_object("things"):
    Thing(name)
pulumi.export("answer", config.require("question"))
if config.get("fail"):
    raise ValueError("the program is broken")
if config.get("sleep"):
    time.sleep(600)
"""
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.name == "forbidden":
        report("no forbidden things here")

PolicyPack(
    name="pack",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="no-forbidden", description="Some things are forbidden.", validate=check)],
)
"""


class Project:
    """A project whose program lies in a folder below ``Pulumi.yaml``, as this repo's does, and its stack ``dev``."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder, self.variables = folder, variables
        (folder / "infra").mkdir(parents=True)
        (folder / "infra" / "__main__.py").write_text(PROGRAM)
        (folder / "Pulumi.yaml").write_text("name: trial\nmain: infra/\nruntime:\n  name: python\n")
        self.pulumi("stack", "init", "dev")
        self.pulumi("config", "set", "question", "42")
        self.things("one")

    def things(self, *names: str) -> None:
        self.pulumi("config", "set", "things", json.dumps(names))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *words, "--non-interactive"], cwd=self.folder, env=self.variables, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def pulumi(self, *words: str, fails: bool = False) -> str:
        process = self.start(*words)
        text, _ = process.communicate()
        assert bool(process.returncode) == fails, text
        return text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    variables = {**os.environ, **toolchain.tool_env()}
    yield Project(tmp_path / "project", variables)
    leftover = [process for process in psutil.process_iter(["environ"]) if _of(process, tmp_path)]
    for process in leftover:
        process.kill()
    assert not leftover, "a language host or program outlived its engine"


def _of(process: psutil.Process, folder: Path) -> bool:
    return str(folder) in (process.info["environ"] or {}).get("PULUMI_HOME", "")


def test_a_program_runs_and_a_second_time_changes_nothing(project: Project) -> None:
    text = project.pulumi("up", "--yes", "--skip-preview")
    assert "the program runs" in text
    assert json.loads(project.pulumi("stack", "output", "--json")) == {"answer": "42"}
    assert "2 unchanged" in project.pulumi("up", "--yes", "--skip-preview")
    project.pulumi("destroy", "--yes", "--skip-preview")


def test_a_policy_pack_lets_good_resources_pass_and_refuses_a_bad_one(project: Project, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (pack / "__main__.py").write_text(PACK)
    project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", str(pack))
    project.things("one", "forbidden")
    text = project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", str(pack), fails=True)
    assert "no forbidden things here" in text
    assert "forbidden" not in project.pulumi("stack", "export")


def test_a_broken_program_shows_its_own_traceback_once(project: Project) -> None:
    project.pulumi("config", "set", "fail", "yes")
    text = project.pulumi("preview", fails=True)
    assert text.count("ValueError: the program is broken") == 1
    assert "non-zero exit code" not in text


def test_the_engine_knows_the_language_and_warns_of_nothing(project: Project) -> None:
    about = json.loads(project.pulumi("about", "--json"))
    assert about["runtime"]["language"] == "python"
    assert "warning" not in project.pulumi("preview")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_or_killed_engine_leaves_no_process(project: Project, number: signal.Signals) -> None:
    project.pulumi("config", "set", "sleep", "yes")
    engine = project.start("preview")
    assert engine.stdout is not None
    for line in engine.stdout:
        if "the program runs" in line:
            break
    family = psutil.Process(engine.pid).children(recursive=True)
    assert family, "the host and the program run"
    engine.send_signal(number)
    engine.communicate()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(process.is_running() for process in family):
        time.sleep(0.1)
    assert not [process for process in family if process.is_running()]
