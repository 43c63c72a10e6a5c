"""Progress lines: what is being done and for how many seconds, on standard error so that output can be piped."""

from __future__ import annotations

import sys
from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line of progress."""


def to_stderr(line: str) -> None:
    """The default: one line on standard error."""
    print(f"toolchain: {line}", file=sys.stderr, flush=True)
