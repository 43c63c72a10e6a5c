"""Waiting for what comes about by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")


def until(
    check: Callable[[], T | Literal[False] | None],
    what: str = "it never came about",
    seconds: float = 30,
    pause: float = 0.05,
) -> T:
    """What ``check`` gives as soon as that is true, asked every ``pause`` seconds. AssertionError with ``what`` when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return found
