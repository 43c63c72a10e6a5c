"""Who is at work on a stack: the engine's lock files and the kit's own run marker, and whether their processes still live.

A process is the one that took the lock when its id lives on this host, in this boot, and it started before the lock was
written. A lock of another host cannot be judged from here and is never broken without being asked to.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import psutil

from catalog.errors import UserError
from ops.stack import doubt
from ops.stack.checkpoint import PROJECT, Say
from ops.stack.store import Store

RUN_VARIABLE = "HUIJU_RUN"
"""Set in the engine's environment, and so in its plugins': names the run they belong to."""
_SLACK = 2.0
"""Seconds by which a process may seem younger than its own lock: the kernel counts start times in ticks."""


@dataclass(frozen=True)
class Holder:
    """One lock or marker."""

    key: str
    pid: int
    host: str
    user: str
    since: float
    """Seconds since 1970."""
    run: str = ""
    operation: str = "pulumi"

    @property
    def here(self) -> bool:
        """Whether it was taken on this host."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether the very process that took it still runs. Only meaningful where ``here``."""
        if self.since < psutil.boot_time() - _SLACK:
            return False
        try:
            process = psutil.Process(self.pid)
            return process.create_time() <= self.since + _SLACK and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.operation} of {self.user}@{self.host}, pid {self.pid}, since {moment}"


def marker_key(stack: str) -> str:
    """Where the kit notes that a run is under way."""
    return f".pulumi/huiju/running/{stack}.json"


def holders(store: Store, stack: str) -> list[Holder]:
    """Every lock of the engine and the marker of the kit's own run."""
    folder = f".pulumi/locks/organization/{PROJECT}/{stack}"
    found = [_engine_lock(name, store.read(name)) for name in store.names(folder)]
    return [holder for holder in (*found, marker(store, stack)) if holder]


def _engine_lock(name: str, content: bytes | None) -> Holder | None:
    """A lock cut short by a crash has no owner: it reads as taken by pid 0 here, which is dead."""
    if content is None:
        return None
    try:
        lock = json.loads(content)
        since = datetime.fromisoformat(lock["timestamp"]).timestamp()
        return Holder(name, lock["pid"], lock["hostname"], lock["username"], since)
    except (ValueError, KeyError):
        return Holder(name, 0, socket.gethostname(), "?", 0.0)


def marker(store: Store, stack: str) -> Holder | None:
    """The marker of a run that is under way or never ended."""
    content = store.read(marker_key(stack))
    if not content:
        return None
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError):
        return Holder(marker_key(stack), 0, socket.gethostname(), "?", 0.0)


def stranded(store: Store, stack: str, *, break_lock: bool = False) -> list[Holder]:
    """What dead runs left behind.

    Raises `UserError` naming every holder that lives, or that is on another host and was not asked to be broken.
    """
    found = holders(store, stack)
    live = [holder for holder in found if holder.here and holder.alive]
    if live:
        raise UserError(f"stack {stack!r} is being worked on: {'; '.join(map(str, live))}. Wait for it to end.")
    distant = [holder for holder in found if not holder.here]
    if distant and not break_lock:
        raise UserError(
            f"stack {stack!r} is locked from another host: {'; '.join(map(str, distant))}. "
            "If that run is dead, add --break-lock."
        )
    return found


def release_stranded(store: Store, stack: str, say: Say, *, break_lock: bool = False) -> None:
    """Remove what dead runs left behind, after a note of the doubt that it tells of. Raises as `stranded` does."""
    found = stranded(store, stack, break_lock=break_lock)
    doubt.note(store, stack, doubt.earliest(*(holder.since for holder in found)))
    for holder in found:
        _end_leftovers(holder, say)
        store.delete(holder.key)
        say(f"a run that died is cleared away: {holder}")


def _end_leftovers(holder: Holder, say: Say) -> None:
    """End plugins that outlived their engine: a provider still at work would race the next run."""
    if not holder.run:
        return
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == holder.run:
                process.kill()
                say(f"ended {process.name()} (pid {process.pid}), left over from that run")
        except psutil.Error:
            continue


def take(store: Store, stack: str) -> str:
    """Write a lock that the engine itself respects; returns its key, to be deleted afterwards."""
    key = f".pulumi/locks/organization/{PROJECT}/{stack}/huiju-{uuid.uuid4().hex}.json"
    content = {
        "pid": os.getpid(),
        "username": os.environ.get("USER") or str(os.getuid()),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
    }
    store.write(key, json.dumps(content).encode())
    return key


class EngineKilledError(Exception):
    """The engine ended without writing its state: it was killed, the machine went down, or there was no room for it."""


@contextmanager
def running(store: Store, stack: str, operation: str) -> Iterator[Holder]:
    """Keep the marker while the body runs. It stays behind when this process is killed, or the engine was."""
    now = datetime.now(UTC).timestamp()
    user = os.environ.get("USER") or str(os.getuid())
    mine = Holder(marker_key(stack), os.getpid(), socket.gethostname(), user, now, uuid.uuid4().hex, operation)
    store.write(mine.key, json.dumps(asdict(mine)).encode())
    try:
        yield mine
    except EngineKilledError as end:
        raise UserError(f"{operation} was cut off ({end}). Run it again: it recovers by itself.") from end
    except UserError:
        store.delete(mine.key)
        raise
    store.delete(mine.key)
