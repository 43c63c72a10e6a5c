"""The language host as a process, asked over gRPC the way the engine asks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import psutil
import pytest
from google.protobuf.empty_pb2 import Empty

from local.languagehost.stubs import language_pb2 as pb
from tests import waiting

from .conftest import PATIENCE_SECONDS, Host

until = partial(waiting.until, seconds=PATIENCE_SECONDS, pause=0.02)


def program(info: pb.ProgramInfo, code: str) -> pb.ProgramInfo:
    Path(info.program_directory, "__main__.py").write_text(code)
    return info


def run(host: Host, info: pb.ProgramInfo, **more: object) -> pb.RunResponse:
    request = pb.RunRequest(project="p", stack="dev", monitor_address="127.0.0.1:2", parallel=4, info=info, **more)  # type: ignore[arg-type]
    answer: pb.RunResponse = host.client.Run(request, timeout=PATIENCE_SECONDS)
    return answer


def wait_for(path: Path) -> str:
    """The text of a file that another process is about to write."""
    until(lambda: path.exists() and path.read_text() != "")
    return path.read_text()


def gone(pid: int) -> bool:
    """Whether the process has ended (or waits only to be reaped)."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_program_that_ends_well_has_no_error(host: Host, info: pb.ProgramInfo) -> None:
    assert run(host, program(info, "")) == pb.RunResponse()


def test_a_program_gets_project_stack_and_engine_on_its_runners_command_line(
    host: Host, info: pb.ProgramInfo, tmp_path: Path
) -> None:
    run(host, program(info, ""), organization="city", dryRun=True, args=["a b"])
    words = (tmp_path / "arguments").read_text().splitlines()
    options = dict(zip(words[:-2:2], words[1:-1:2], strict=False))
    assert options == {
        "--monitor": "127.0.0.1:2",
        "--engine": "127.0.0.1:1",
        "--project": "p",
        "--stack": "dev",
        "--organization": "city",
        "--root_directory": info.root_directory,
        "--pwd": info.program_directory,
        "--dry_run": "true",
        "--parallel": "4",
    }
    assert words[-2:] == [info.program_directory, "a b"]


def test_configuration_and_the_names_of_secrets_reach_the_program(
    host: Host, info: pb.ProgramInfo, tmp_path: Path
) -> None:
    names = "('PULUMI_CONFIG', 'PULUMI_CONFIG_SECRET_KEYS')"
    target = str(tmp_path / "seen")
    code = f"import json, os; json.dump([json.loads(os.environ[n]) for n in {names}], open({target!r}, 'w'))"
    run(host, program(info, code), config={"p:a": "1"}, configSecretKeys=["p:b"])
    assert (tmp_path / "seen").read_text() == '[{"p:a": "1"}, ["p:b"]]'


def test_a_failing_program_is_an_error_with_its_exit_code(host: Host, info: pb.ProgramInfo) -> None:
    assert run(host, program(info, "raise SystemExit(3)")).error == "Program exited with non-zero exit code: 3"


def test_an_error_that_was_already_shown_is_not_shown_twice(host: Host, info: pb.ProgramInfo) -> None:
    assert run(host, program(info, "raise SystemExit(32)")) == pb.RunResponse(bail=True)


def test_a_killed_program_names_the_signal(host: Host, info: pb.ProgramInfo) -> None:
    assert "signal 9" in run(host, program(info, "import os; os.kill(os.getpid(), 9)")).error


def plugin(host: Host, info: pb.ProgramInfo, code: str, **more: object) -> list[pb.RunPluginResponse]:
    request = pb.RunPluginRequest(info=program(info, code), kind="analyzer", **more)  # type: ignore[arg-type]
    return list(host.client.RunPlugin(request, timeout=PATIENCE_SECONDS))


def test_a_plugin_runs_in_its_folder_with_its_arguments_and_environment(host: Host, info: pb.ProgramInfo) -> None:
    code = "import os, sys; print(os.getcwd(), *sys.argv[1:], os.environ['NAME'])"
    answers = plugin(host, info, code, pwd=info.root_directory, args=["one", "two"], env=["NAME=a=b"])
    assert b"".join(answer.stdout for answer in answers) == f"{info.root_directory} one two a=b\n".encode()
    assert answers[-1].exitcode == 0
    assert answers[-1].WhichOneof("output") == "exitcode"


def test_both_streams_and_the_exit_code_of_a_plugin_arrive(host: Host, info: pb.ProgramInfo) -> None:
    answers = plugin(host, info, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert b"".join(answer.stdout for answer in answers) == b"out\n"
    assert b"".join(answer.stderr for answer in answers) == b"err\n"
    assert answers[-1].exitcode == 7


def test_what_a_plugin_prints_arrives_while_it_runs(host: Host, info: pb.ProgramInfo) -> None:
    call = host.client.RunPlugin(pb.RunPluginRequest(info=program(info, "print('4242'); import time; time.sleep(600)")))
    assert next(call).stdout.startswith(b"4242"), "the engine reads the plugin's port from its first line"
    call.cancel()


@pytest.mark.parametrize("how", ["hangs up", "cancels"])
def test_a_plugin_ends_when_the_engine_lets_go(host: Host, info: pb.ProgramInfo, how: str) -> None:
    call = host.client.RunPlugin(
        pb.RunPluginRequest(info=program(info, "import os, time; print(os.getpid()); time.sleep(600)"))
    )
    pid = int(next(call).stdout)
    call.cancel() if how == "hangs up" else host.client.Cancel(Empty())
    until(lambda: gone(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_host_quietly_and_its_program_with_it(
    host: Host, info: pb.ProgramInfo, tmp_path: Path, number: signal.Signals
) -> None:
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    answer = host.client.Run.future(pb.RunRequest(info=program(info, code)))
    pid = int(wait_for(tmp_path / "pid"))
    host.process.send_signal(number)
    assert host.process.wait(PATIENCE_SECONDS) == 0
    assert (tmp_path / "stderr").read_text() == ""
    assert gone(pid)
    answer.cancel()


def test_the_host_ends_when_the_engine_is_killed(runner: Path, tmp_path: Path) -> None:
    engine = (
        "import subprocess, sys, time\n"
        "host = subprocess.Popen([sys.executable, '-P', '-m', 'local.languagehost', '127.0.0.1:1'], stdout=subprocess.PIPE)\n"
        "host.stdout.readline()\n"  # its port: from then on it watches its parent
        "print(host.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", engine],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HUIJU_LANGUAGE_RUNNER": str(runner)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until(lambda: gone(pid))


def test_the_host_speaks_for_the_installed_sdk(host: Host, info: pb.ProgramInfo) -> None:
    import importlib.metadata

    assert host.client.GetPluginInfo(Empty()).version == importlib.metadata.version("pulumi")
    assert host.client.About(pb.AboutRequest(info=info)).executable == sys.executable
    found = host.client.GetProgramDependencies(pb.GetProgramDependenciesRequest(info=info, transitiveDependencies=True))
    assert "pulumi" in {row.name for row in found.dependencies}


def test_small_questions_have_empty_answers(host: Host, info: pb.ProgramInfo) -> None:
    assert (
        host.client.Handshake(pb.LanguageHandshakeRequest(engine_address="127.0.0.1:3"))
        == pb.LanguageHandshakeResponse()
    )
    assert not host.client.RuntimeOptionsPrompts(pb.RuntimeOptionsRequest(info=info)).prompts
    assert list(host.client.InstallDependencies(pb.InstallDependenciesRequest(info=info))) == []


def test_what_only_plugin_authors_need_is_said_to_be_missing(host: Host) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        host.client.GenerateProject(pb.GenerateProjectRequest())
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_without_the_runner_the_host_says_what_to_type(tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "HUIJU_LANGUAGE_RUNNER"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "local.languagehost", "127.0.0.1:1"],
        capture_output=True, text=True, check=False, env={**variables, "PATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "huiju toolchain ensure pulumi" in done.stderr
