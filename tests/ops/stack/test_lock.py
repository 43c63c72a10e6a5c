"""Dead and living holders of a stack."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.errors import UserError
from ops.stack import lock
from ops.stack.store import FolderStore

FOLDER = ".pulumi/locks/organization/huiju/test"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def engine_lock(pid: int, when: float | None = None, host: str | None = None) -> bytes:
    content: dict[str, Any] = {
        "pid": pid,
        "username": "someone",
        "hostname": host or socket.gethostname(),
        "timestamp": datetime.fromtimestamp(when or time.time(), UTC).isoformat(),
    }
    return json.dumps(content).encode()


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_lock_whose_process_is_gone_is_released_with_a_line(folder: FolderStore, said: list[str]) -> None:
    pid = dead_pid()
    folder.write(f"{FOLDER}/a.json", engine_lock(pid))
    lock.release_stranded(folder, "test", said.append)
    assert lock.holders(folder, "test") == []
    assert f"pid {pid}" in said[0]


def test_a_living_run_is_not_broken_into(
    folder: FolderStore, said: list[str], sleeper: subprocess.Popen[bytes]
) -> None:
    folder.write(f"{FOLDER}/a.json", engine_lock(sleeper.pid))
    with pytest.raises(UserError, match=f"pid {sleeper.pid}, since "):
        lock.release_stranded(folder, "test", said.append, break_lock=True)
    assert lock.holders(folder, "test")


def test_a_process_that_got_the_id_later_is_not_the_one_that_took_the_lock(
    folder: FolderStore, said: list[str], sleeper: subprocess.Popen[bytes]
) -> None:
    folder.write(f"{FOLDER}/a.json", engine_lock(sleeper.pid, time.time() - 60))
    lock.release_stranded(folder, "test", said.append)
    assert not lock.holders(folder, "test")


def test_a_lock_from_before_the_last_boot_is_dead(folder: FolderStore, said: list[str]) -> None:
    folder.write(f"{FOLDER}/a.json", engine_lock(os.getpid(), 1_000_000.0))
    lock.release_stranded(folder, "test", said.append)
    assert not lock.holders(folder, "test")


def test_a_lock_of_another_host_is_broken_only_when_asked(folder: FolderStore, said: list[str]) -> None:
    folder.write(f"{FOLDER}/a.json", engine_lock(1, host="elsewhere"))
    with pytest.raises(UserError, match="--break-lock"):
        lock.release_stranded(folder, "test", said.append)
    lock.release_stranded(folder, "test", said.append, break_lock=True)
    assert not lock.holders(folder, "test")


def test_a_lock_cut_short_has_no_owner(folder: FolderStore, said: list[str]) -> None:
    folder.write(f"{FOLDER}/a.json", b'{"pid": 1')
    lock.release_stranded(folder, "test", said.append)
    assert not lock.holders(folder, "test")


def test_the_marker_goes_with_a_clean_end_and_with_an_ordinary_failure(folder: FolderStore) -> None:
    with lock.running(folder, "test", "up"):
        assert lock.marker(folder, "test")
    assert lock.marker(folder, "test") is None
    with pytest.raises(UserError), lock.running(folder, "test", "up"):
        raise UserError("the program is wrong")
    assert lock.marker(folder, "test") is None


def test_the_marker_stays_when_the_engine_was_killed(folder: FolderStore) -> None:
    with pytest.raises(UserError, match="recovers by itself"), lock.running(folder, "test", "up"):
        raise lock.EngineKilledError("signal 9")
    assert lock.marker(folder, "test")


def test_what_outlived_a_dead_run_is_ended(folder: FolderStore, said: list[str]) -> None:
    left = subprocess.Popen(["sleep", "60"], env={**os.environ, lock.RUN_VARIABLE: "run-1"})
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, lock.RUN_VARIABLE: "run-2"})
    try:
        dead = lock.Holder(lock.marker_key("test"), dead_pid(), socket.gethostname(), "me", time.time(), "run-1", "up")
        folder.write(dead.key, json.dumps(dead.__dict__).encode())
        lock.release_stranded(folder, "test", said.append)
        assert left.wait(timeout=10) == -9
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.wait()


def test_a_lock_that_was_taken_is_one_that_the_engine_would_see(folder: FolderStore) -> None:
    key = lock.take(folder, "test")
    assert key.startswith(f"{FOLDER}/")
    assert lock.holders(folder, "test")[0].alive
