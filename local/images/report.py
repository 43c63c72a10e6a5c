"""Progress lines of image work, on standard error so that output can be piped."""

from __future__ import annotations

import sys


def to_stderr(line: str) -> None:
    """The default: one line on standard error."""
    print(f"images: {line}", file=sys.stderr, flush=True)
