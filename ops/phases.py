"""Timed phases of a long command: shown as they happen, kept as JSON for the benchmark."""

from __future__ import annotations

import errno
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.status import Status
from rich.text import Text

from catalog.errors import UserError
from local import paths


def record_file() -> Path:
    """Phases of the last `huiju up`: `{"started": ..., "phases": {name: seconds}, "seconds": ...}`."""
    return paths.state_dir() / "last-up.json"


FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says when a disk, or the user's share of it, is full."""


def full_disk(error: OSError, phase: str = "") -> str:
    """What to tell the user whose disk is full."""
    free = shutil.disk_usage(Path.home()).free / 2**30
    where = f" in phase {phase!r}" if phase else ""
    return (
        f"the disk is full ({error.filename or 'while writing'}, {free:.1f} GiB free at home){where}: make room "
        "(`huiju images clean` and `huiju toolchain clean` drop what can be made again), then run the same command again"
    )


class Phases:
    """Shows one line per phase with its seconds, and under it what is happening now."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(soft_wrap=True, highlight=False)
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self.failed: str | None = None
        """The phase that did not come to its end."""
        self._status: Status | None = None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body under ``name``."""
        begun = time.monotonic()
        with self.console.status(f"{name} ...") as self._status:
            try:
                yield
            except BaseException as end:
                self.failed = name
                self._line("✗", "red", name, time.monotonic() - begun)
                if isinstance(end, OSError) and end.errno in FULL:
                    raise UserError(full_disk(end, name)) from end
                raise
        self.seconds[name] = round(time.monotonic() - begun, 2)
        self._line("✓", "green", name, self.seconds[name])

    def _line(self, mark: str, colour: str, name: str, seconds: float) -> None:
        self.console.print(Text.assemble((f"{mark} ", colour), f"{name:<12}", (f"{seconds:8.1f} s", "dim")))

    def now(self, text: str) -> None:
        """What is happening inside the phase; replaced by the next call."""
        if self._status:
            self._status.update(Text(text[: self.console.width - 4]))

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(Text.assemble(("  ", ""), (text, "yellow")))

    def keep(self, where: Path | None = None) -> None:
        """Write the seconds down."""
        where = where or record_file()
        where.parent.mkdir(parents=True, exist_ok=True)
        total = round(sum(self.seconds.values()), 2)
        record = {"started": self.started.isoformat(timespec="seconds"), "phases": self.seconds, "seconds": total}
        where.write_text(json.dumps(record, indent=2) + "\n")
