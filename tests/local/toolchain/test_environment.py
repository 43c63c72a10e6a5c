"""The shell settings that make plain pulumi work."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import paths
from local.toolchain import environment
from ops import env


@pytest.fixture
def tools(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretended tools, one folder each, in the cache."""
    folder = paths.cache_dir() / "tools"

    def tool(name: str, say: object = None) -> Path:
        program = folder / name / "0123" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(mode=0o755)
        return program

    monkeypatch.setattr(environment, "tool", tool)
    return folder


def test_the_passphrase_is_made_once_and_only_its_owner_reads_it(home: Path) -> None:
    path = environment.passphrase()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert len(text) >= 32
    assert environment.passphrase().read_text() == text


def test_two_runs_at_once_agree_on_one_passphrase(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: environment.passphrase().read_text(), range(32)))
    assert len(texts) == 1
    assert [path.name for path in paths.state_dir().iterdir()] == ["passphrase"]


def test_the_tools_come_first_on_path_and_old_ones_of_ours_leave(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tools}/pulumi/old/bin:/usr/bin:/bin")
    found = environment.tool_env()["PATH"].split(os.pathsep)
    assert found[1:3] == [str(tools / "pulumi/0123/bin"), str(tools / "kubectl/0123/bin")]
    assert found[3:] == ["/usr/bin", "/bin"]


def test_settings_stay_the_same_when_evaluated_twice(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = environment.tool_env()
    for name, value in once.items():
        monkeypatch.setenv(name, value)
    assert environment.tool_env() == once


def test_the_engine_finds_the_provider_in_a_home_of_this_clone(tools: Path) -> None:
    home = Path(environment.tool_env()["PULUMI_HOME"])
    assert home.is_relative_to(paths.state_dir())
    (plugin,) = home.glob("plugins/resource-kubernetes-v*/*")
    assert plugin.resolve().is_relative_to(tools)


def test_the_kubeconfig_is_named_once_the_cluster_is_there_and_never_over_the_users(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "KUBECONFIG" not in environment.tool_env()
    paths.kubeconfig().parent.mkdir(parents=True)
    paths.kubeconfig().touch()
    assert environment.tool_env()["KUBECONFIG"] == str(paths.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", "/mine")
    assert "KUBECONFIG" not in environment.tool_env()


NASTY = "/a b/$(touch x)`y`;'\"\\!*"


def test_nothing_in_a_value_is_run_by_the_shell(tmp_path: Path) -> None:
    script = "\n".join([*env.lines({"A_NAME": NASTY}, env.Shell.SH), 'printf %s "$A_NAME"'])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == NASTY
    assert list(tmp_path.iterdir()) == []


def test_fish_gets_path_as_a_list_and_quotes_of_its_own() -> None:
    assert env.lines({"PATH": "/a:/b c"}, env.Shell.FISH) == ["set -gx PATH '/a' '/b c'"]
    assert env.lines({"X": "it's \\"}, env.Shell.FISH) == ["set -gx X 'it\\'s \\\\'"]


def test_csh_gets_exclamation_marks_escaped() -> None:
    assert env.lines({"X": "a!b c"}, env.Shell.CSH) == ["setenv X 'a\\!b c'"]


def test_every_shell_has_a_syntax() -> None:
    assert set(env.SYNTAX) == set(env.Shell)
    assert shlex.split(env.lines({"X": NASTY}, env.Shell.SH)[0])[1] == f"X={NASTY}"
