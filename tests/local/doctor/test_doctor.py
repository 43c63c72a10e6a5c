"""The doctor's findings: what is there is ok, what is not comes with the command that mends it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from local import host_packages, paths, settings
from local.cluster import ports
from local.doctor import Finding, State, kernel, machine, parts, rounds
from local.host_packages import HostPackage, Part
from local.toolchain import upkeep
from local.toolchain.upkeep import ToolState
from ops import doctor


class Usage(NamedTuple):
    """What shutil says of a disk."""

    free: float


SETUP = paths.ROOT / "local" / "setup.sh"
MADE = ToolState("kubectl", "1.35.4", "build", "/cache/kubectl", "recipes/kubernetes")
ABSENT = ToolState("pulumi", "3.259.0", "missing", "", "")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path))
    for name in ("KUBECONFIG", "HUIJU_KUBECONFIG", "HUIJU_CONTEXT", "HUIJU_PORT", "HUIJU_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def named(findings: list[Finding], name: str) -> Finding:
    return next(row for row in findings if row.name == name)


@pytest.mark.parametrize(
    ("free_gib", "building", "state"),
    [(12, False, State.OK), (11.9, False, State.MISSING), (31.9, True, State.MISSING), (32, True, State.OK)],
)
def test_disk_must_hold_the_platform_and_the_builds_still_to_come(
    monkeypatch: pytest.MonkeyPatch, free_gib: float, building: bool, state: State
) -> None:
    monkeypatch.setattr(machine, "disk_usage", lambda folder: Usage(free_gib * 2**30))
    assert named(list(machine.findings(building)), "disk").state is state


def test_a_clock_behind_the_clones_own_files_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(list(machine.findings(False)), "clock").state is State.OK
    monkeypatch.setattr(machine, "time", SimpleNamespace(time=lambda: 86_400.0))
    assert named(list(machine.findings(False)), "clock").state is State.MISSING


@pytest.mark.parametrize(
    ("name", "state"), [("x86_64", State.OK), ("aarch64", State.WARNING), ("riscv64", State.MISSING)]
)
def test_the_architecture_says_what_is_proven(monkeypatch: pytest.MonkeyPatch, name: str, state: State) -> None:
    known = SimpleNamespace(machine=lambda: name, python_version=lambda: "3.11.7")
    monkeypatch.setattr(machine, "platform", known)
    assert named(list(machine.findings(False)), "architecture").state is state


def test_wrong_settings_are_shown_with_their_keys() -> None:
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text("mirrors: {gopher: x}\n")
    row = named(list(machine.findings(False)), "settings")
    assert row.state is State.MISSING
    assert "mirrors.gopher" in row.detail


def test_the_python_packages_are_judged_by_what_the_lock_says_and_not_by_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    for name in ("requirements.lock", "pyproject.toml", "local/setup.sh", ".venv/.huiju-setup"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(f"content of {name}\n")
    monkeypatch.setattr(paths, "ROOT", clone)
    reckoned = next(line for line in SETUP.read_text().splitlines() if line.startswith("want="))
    script = f'cd {clone}; {reckoned}; printf %s "$want" >.venv/.huiju-setup'
    subprocess.run(["bash", "-c", script], check=True)
    os.utime(clone / "requirements.lock", (2**31, 2**31))
    assert named(list(machine.findings(False)), "python packages").state is State.OK
    (clone / "requirements.lock").write_text("another package\n")
    row = named(list(machine.findings(False)), "python packages")
    assert (row.state, row.mend) == (State.WARNING, "make setup")


def test_a_missing_tool_is_named_with_what_makes_it() -> None:
    row = named(list(parts.tools([MADE, ABSENT])), "toolchain")
    assert (row.state, row.mend) == (State.MISSING, "huiju toolchain ensure")
    assert "pulumi" in row.detail
    assert "kubectl" not in row.detail
    assert named(list(parts.tools([MADE])), "toolchain").state is State.OK


def test_no_go_is_no_fault_since_a_pinned_one_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert named(list(parts.tools([ABSENT])), "go").state is State.OK
    assert named(list(parts.tools([MADE])), "go").state is State.UNUSED


@pytest.mark.parametrize(
    ("part", "embedded", "state"),
    [
        (Part.CLUSTER, True, State.MISSING),
        (Part.CLUSTER, False, State.UNUSED),
        (Part.IMAGES, False, State.MISSING),
        (Part.TESTS, True, State.WARNING),
    ],
)
def test_a_missing_package_weighs_by_what_needs_it(
    monkeypatch: pytest.MonkeyPatch, part: Part, embedded: bool, state: State
) -> None:
    rows = (HostPackage(package="thing", programs=("no-such-program",), part=part, why="for this test"),)
    monkeypatch.setattr(host_packages, "rows", lambda: rows)
    row = named(list(parts.host_programs(embedded)), "thing")
    assert row.state is state
    assert row.mend == "apt-get install -y --no-install-recommends thing"


def test_every_host_package_names_something_to_look_for() -> None:
    assert all(row.programs or row.files for row in host_packages.rows())
    names = [row.package for row in host_packages.rows()]
    assert len(names) == len(set(names))


def test_a_package_is_there_only_with_all_it_brings(tmp_path: Path) -> None:
    file = tmp_path / "file"
    row = HostPackage(package="x", programs=("sh",), files=(file,), part=Part.MEDIA, why="test")
    assert not row.present()
    file.touch()
    assert row.present()


def test_without_root_the_embedded_cluster_is_missing_and_the_trials_are_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel, "os", SimpleNamespace(geteuid=lambda: 1000))
    monkeypatch.setattr(kernel, "attempt", lambda *words: pytest.fail("a trial needs root"))
    found = list(kernel.findings(wanted=True))
    assert named(found, "root").state is State.MISSING
    assert named(found, "NFQUEUE").state is State.UNUSED


def test_with_another_cluster_in_use_nothing_of_the_embedded_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "os", SimpleNamespace(geteuid=lambda: 0))
    monkeypatch.setattr(kernel, "attempt", lambda *words: "no such target")
    assert State.MISSING not in {row.state for row in kernel.findings(wanted=False)}
    row = named(list(kernel.findings(wanted=True)), "NFQUEUE")
    assert (row.state, row.detail) == (State.MISSING, "no such target")
    assert row.mend


def test_a_trial_reports_the_last_line_of_what_went_wrong() -> None:
    if kernel.attempt("--user", "true"):
        pytest.skip("needs unshare and user namespaces")
    assert kernel.attempt("--user", "echo first >&2; echo the reason >&2; exit 3") == "the reason"
    assert kernel.attempt("--user", "exit 3") == "ended with 3"


def test_inotify_instances_that_run_out_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "attempt", lambda *words: "")
    monkeypatch.setattr(kernel, "inotify_limit", lambda: kernel.inotify_used() + kernel.INOTIFY - 1)
    row = named(list(kernel.findings(wanted=True)), "inotify instances")
    assert row.state is State.WARNING
    assert row.mend.startswith("sysctl ")
    watch = ctypes.CDLL(None).inotify_init()
    before = kernel.inotify_used()
    os.close(watch)
    assert kernel.inotify_used() < before


def test_a_kubeconfig_that_is_not_there_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    row, target = parts.cluster()
    assert row.state is State.MISSING
    assert "/nowhere/config" in row.detail
    assert target is None


def test_an_embedded_cluster_that_was_never_started_is_no_fault() -> None:
    row, target = parts.cluster()
    assert (row.state, row.detail) == (State.OK, "embedded, not started yet")
    assert target is not None
    assert target.embedded


def test_a_named_cluster_that_does_not_answer_is_a_fault(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").touch()
    monkeypatch.setenv("KUBECONFIG", str(home / "config"))
    monkeypatch.setattr(parts, "_version", lambda target: "")
    assert parts.cluster()[0].state is State.MISSING
    monkeypatch.setattr(parts, "_version", lambda target: "v1.35.4")
    assert parts.cluster()[0].state is State.OK


def test_a_port_taken_by_others_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "free", lambda number: True)
    assert parts.port().state is State.OK
    monkeypatch.setattr(ports, "free", lambda number: False)
    assert parts.port().state is State.WARNING


def test_a_port_that_is_no_number_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIJU_PORT", "eighty")
    assert parts.port().state is State.MISSING


@pytest.mark.parametrize(
    ("state", "status"), [(State.OK, 0), (State.WARNING, 0), (State.UNUSED, 0), (State.MISSING, 1)]
)
def test_the_command_fails_only_when_something_needed_is_missing(
    monkeypatch: pytest.MonkeyPatch, state: State, status: int
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [Finding("area", "thing", state, "[red]detail[/]", "type this")])
    shown = CliRunner().invoke(doctor.app, [])
    assert shown.exit_code == status
    assert "[red]detail[/]" in shown.output, "a detail is never read as markup"
    answer = CliRunner().invoke(doctor.app, ["--json"])
    assert answer.exit_code == status
    assert json.loads(answer.stdout)[0]["mend"] == "type this"


def test_a_whole_round_looks_at_everything_and_every_fault_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "states", lambda: [ABSENT])
    monkeypatch.setattr(kernel, "attempt", lambda *words: "not here")
    found = rounds.examine()
    assert {row.area for row in found} == {"machine", "tools", "host", "embedded cluster", "kubernetes"}
    assert all(row.mend for row in found if row.state in {State.MISSING, State.WARNING})
