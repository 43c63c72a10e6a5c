"""Following a run by the lines of JSON that its leading process writes: a bar while it lasts, its result at the end."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from loadtests.tally import Tally
from loadtests.verdict import Exit, Verdict


@dataclass
class Result:
    """How a run ended."""

    exit: Exit = Exit.BROKEN
    broken: str = "it ended without a word"
    bottleneck: str = ""
    verdicts: tuple[Verdict, ...] = ()
    tally: Tally = field(default_factory=Tally)
    report: bytes | None = None
    """The HTML report, where it came with the lines."""


class Display:
    """A bar with what counts beside it; where nobody watches (a log file), a line every ten seconds."""

    EVERY = 10.0

    def __init__(self, console: Console) -> None:
        self.console, self.said = console, -self.EVERY
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"), console=console
        )
        self.task = self.bar.add_task("Waiting", total=1.0, text="for the load generator")

    def show(self, now: dict[str, Any]) -> None:
        """One line of progress."""
        second = max(0.0, now["second"])
        text = (
            f"{second:.0f}/{now['of']:.0f} s  {now['arrived']}/{now['expected']} people  {now['playing']} playing  "
            f"{now['per_second']:.0f} requests/s  {now['failed']} failed  {now['stalls']} stalls"
        )
        self.bar.update(self.task, description="Running", total=now["of"], completed=min(second, now["of"]), text=text)
        if not self.console.is_terminal and now["second"] - self.said >= self.EVERY:
            self.console.print(text)
            self.said = now["second"]


def follow(lines: Iterable[str], display: Display) -> Result:
    """Read the lines to their end; the result is broken when they end without one."""
    result = Result()
    with display.bar:
        for line in lines:
            said = _read(line)
            if "progress" in said:
                display.show(said["progress"])
            elif "report" in said:
                result.report = gzip.decompress(base64.b64decode(said["report"]))
            elif "result" in said:
                _take(result, said["result"])
    return result


def _read(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _take(result: Result, said: dict[str, Any]) -> None:
    result.exit, result.broken, result.bottleneck = Exit(said["exit"]), said["broken"], said["bottleneck"]
    result.verdicts = tuple(Verdict.model_validate(each) for each in said["verdicts"])
    result.tally = Tally.model_validate(said["tally"])


def keep(result: Result, file: Path) -> None:
    """Write the report that came with the lines, if one did."""
    if result.report is not None:
        file.write_bytes(result.report)
