"""One command at a time: what several commands of this machine read, decide by and write is done under a lock."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until nobody else holds ``lock``, and hold it until the body ends, however it does.

    The lock lies beside what it guards, since a file that is replaced whole is another one after each change. Not to be taken twice by one
    command, which would wait for itself.
    """
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
