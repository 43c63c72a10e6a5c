"""Two commands at once: the other one is begun in the worst moment of the first, and is not waited for where it waits itself."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from typing import Any

import pytest


class Other:
    """A command in a thread: a lock is of the file that was opened, so threads are to each other what two commands are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, command: Callable[[], object]) -> None:
        self._arrived, flock = threading.Event(), fcntl.flock

        def run() -> None:
            try:
                command()
            finally:
                self._arrived.set()

        def at_the_lock(*words: int) -> None:
            if threading.current_thread() is self._thread:
                self._arrived.set()
            flock(*words)

        self._thread = threading.Thread(target=run)
        monkeypatch.setattr(fcntl, "flock", at_the_lock)

    def begin(self) -> None:
        """Return when it has ended, or waits for a lock."""
        if not self._arrived.is_set():
            self._thread.start()
            assert self._arrived.wait(60)

    def end(self) -> None:
        """Return when it has ended."""
        self._thread.join(60)
        assert self._arrived.is_set()
        assert not self._thread.is_alive()


def before(monkeypatch: pytest.MonkeyPatch, module: object, name: str, other: Other) -> None:
    """Whoever calls this is overtaken by ``other``; what that one calls itself is as it was."""
    real: Callable[..., Any] = getattr(module, name)

    def overtaken(*words: Any, **more: Any) -> Any:
        other.begin()
        return real(*words, **more)

    monkeypatch.setattr(module, name, overtaken)
