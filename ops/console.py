"""Where tables go: as wide as the terminal, and in a file or a pipe wide enough to keep their words whole."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from catalog.problems import printable

WIDTH = 160
"""Columns where nobody watches."""


def console() -> Console:
    """Standard output."""
    return Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)


def plain(text: str) -> Text:
    """What somebody else wrote, for a table: no markup, nothing that a terminal obeys, and always fit to be printed."""
    return Text(printable(text))
