"""Processes named beyond doubt: a pid alone may have been given to a stranger, a pid with its start time and boot may not."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """One process of one boot of this machine."""

    pid: int
    start: int
    """Clock ticks after boot (``/proc/<pid>/stat``, field 22)."""
    boot: str

    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        return _stat(self.pid) is not None and identify(self.pid) == self

    def signal(self, number: int) -> None:
        """Send a signal to that very process, or to none."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after ``seconds``."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive():
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        finally:
            os.close(handle)

    def stop(self, seconds: float) -> None:
        """SIGTERM, then SIGKILL when it still runs after ``seconds``."""
        if self.alive():
            self.signal(signal.SIGTERM)
            if not self.wait(seconds):
                self.signal(signal.SIGKILL)
                self.wait(10)


def _stat(pid: int) -> list[str] | None:
    """Fields of ``/proc/<pid>/stat`` from the state on, or None when there is no such process or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields


def boot_id() -> str:
    """Identifies this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    """The identity of a running process, or None."""
    fields = _stat(pid)
    return Identity(pid, int(fields[19]), boot_id()) if fields else None


def write(path: Path, identity: Identity) -> None:
    """Record an identity, atomically."""
    replace(path, json.dumps(asdict(identity)))


def read(path: Path) -> Identity | None:
    """The running process recorded in ``path``, or None when it is gone (or the file is)."""
    try:
        identity = Identity(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return identity if identity.alive() else None


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode)
    temporary.chmod(mode)
    temporary.write_text(text)
    temporary.replace(path)


def children() -> dict[int, list[int]]:
    """Parent pid -> child pids, as this PID namespace sees them."""
    tree: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            tree.setdefault(int(fields[1]), []).append(int(entry.name))
    return tree


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock file ``path``; the kernel releases it when the holder dies. TimeoutError when it is not to be had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{path} is held by another process") from None
                time.sleep(0.2)
        yield
