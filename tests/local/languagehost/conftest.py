"""A running language host, as the engine would start it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest

from local.languagehost.stubs import language_pb2 as pb
from local.languagehost.stubs import language_pb2_grpc

PATIENCE_SECONDS = 60
"""Only ends a test that would hang for ever."""


@dataclass
class Host:
    """The process, and a client that talks to it."""

    process: subprocess.Popen[str]
    client: language_pb2_grpc.LanguageRuntimeStub


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Plays ``pulumi-language-python-exec``: writes its arguments down and runs the program."""
    path = tmp_path / "runner.py"
    path.write_text(
        "import os, runpy, sys\n"
        f"open({str(tmp_path / 'arguments')!r}, 'w').write('\\n'.join(sys.argv[1:]))\n"
        "words = sys.argv[1:]\n"
        "while words[0].startswith('--'):\n"
        "    words = words[2:]\n"
        "runpy.run_path(words[0], run_name='__main__')\n"
    )
    return path


@pytest.fixture
def host(runner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host that has told its port."""
    monkeypatch.setenv("HUIJU_LANGUAGE_RUNNER", str(runner))
    command = [sys.executable, "-P", "-m", "local.languagehost", "127.0.0.1:1"]
    with (tmp_path / "stderr").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=tmp_path)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Host(process, language_pb2_grpc.LanguageRuntimeStub(channel))
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.fixture
def info(tmp_path: Path) -> pb.ProgramInfo:
    """A project with its program in a folder of its own."""
    (tmp_path / "project" / "infra").mkdir(parents=True)
    return pb.ProgramInfo(
        root_directory=str(tmp_path / "project"), program_directory=str(tmp_path / "project" / "infra"), entry_point="."
    )
