"""A pid is not taken for a process that it no longer is; a part that dies is started again."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cluster import process
from local.cluster.layout import Layout
from local.cluster.plan import Network, Part, Plan
from local.cluster.supervisor import LOG_BYTES, Running, Supervisor, answers


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_running_process_is_read_back_and_a_killed_one_is_not(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    identity = process.identify(sleeper.pid)
    assert identity is not None
    process.write(tmp_path / "x", identity)
    assert process.read(tmp_path / "x") == identity
    identity.stop(5)
    assert process.read(tmp_path / "x") is None, "a zombie is not a running process"


@pytest.mark.parametrize("change", [{"start": 1}, {"boot": "of last week"}])
def test_a_stranger_with_the_same_pid_is_neither_believed_nor_signalled(
    sleeper: subprocess.Popen[bytes], change: dict[str, Any]
) -> None:
    identity = process.identify(sleeper.pid)
    assert identity is not None
    stale = dataclasses.replace(identity, **change)
    assert not stale.alive()
    stale.signal(signal.SIGKILL)
    stale.stop(0.1)
    assert identity.alive()


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"pid": 1}'])
def test_a_torn_identity_file_is_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    assert process.read(tmp_path / "x") is None


def test_a_held_lock_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    with process.locked(tmp_path / "lock", 0), pytest.raises(TimeoutError), process.locked(tmp_path / "lock", 0):
        pass
    with process.locked(tmp_path / "lock", 0):
        pass


@pytest.mark.parametrize("module", ["keeper", "launch", "supervisor"])
def test_what_outlives_up_loads_the_standard_library_only(module: str) -> None:
    """They must start even when a package of the clone is being upgraded, and stay small."""
    heavy = ("pydantic", "yaml", "cryptography", "catalog")
    code = f"import sys, local.cluster.{module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _supervisor(tmp_path: Path, *parts: Part) -> Supervisor:
    layout = Layout(tmp_path)
    layout.make()
    return Supervisor(Plan("test", str(tmp_path), Network("", "", "", 30), 1, 1, os.environ["PATH"], parts), layout)


def _round(supervisor: Supervisor, running: Running, condition: Callable[[], bool]) -> None:
    def step() -> bool:
        supervisor.step()
        return condition()

    _until(step)
    assert running.part.name in supervisor.parts


def test_a_part_that_is_killed_is_started_again(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Part("a", ("sleep", "60")))
    part = supervisor.parts["a"]
    supervisor.step()
    first = part.pid
    os.kill(first, signal.SIGKILL)
    _round(supervisor, part, lambda: part.pid not in (0, first))
    assert part.last_exit == "signal 9"
    os.kill(part.pid, signal.SIGKILL)


def test_a_part_waits_until_those_before_it_answer(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    serve = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({str(socket)!r}); s.listen(); input()"
    first = Part("a", ("sleep", "60"), ready=f"unix:{socket}")
    supervisor = _supervisor(tmp_path, first, Part("b", ("sleep", "60"), after=("a",)))
    supervisor.step()
    assert supervisor.parts["b"].pid == 0
    with subprocess.Popen([sys.executable, "-c", serve], stdin=subprocess.PIPE) as server:
        _until(lambda: answers(first.ready))
        _round(supervisor, supervisor.parts["b"], lambda: supervisor.parts["b"].pid != 0)
        server.kill()
    for running in supervisor.parts.values():
        os.kill(running.pid, signal.SIGKILL)


def test_a_part_that_cannot_start_is_tried_ever_more_seldom_but_for_ever(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Part("a", ("/nonexistent",)))
    part = supervisor.parts["a"]
    waits = []
    for _ in range(9):
        part.not_before = 0.0
        supervisor.step()
        waits.append(part.not_before - time.monotonic())
    assert waits == sorted(waits) or max(waits[5:]) - min(waits[5:]) < 1
    assert 8 < waits[-1] <= 10


def test_a_log_stays_small_and_keeps_what_was_before(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Part("a", ("sleep", "60")))
    log = supervisor.layout.logs / "a.log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    supervisor.step()
    assert log.stat().st_size < LOG_BYTES
    assert log.with_suffix(".log.1").stat().st_size > LOG_BYTES
    os.kill(supervisor.parts["a"].pid, signal.SIGKILL)
