"""Progress of `huiju cdn`: a bar for each step."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

STEPS: Final = {"media": "Looking up lessons", "plans": "Publishing plans"}


class Bars:
    """One bar per step."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=console)
        self.tasks: dict[str, TaskID] = {}

    def step(self, name: str, done: int, total: int) -> None:
        """Move the bar of step ``name``."""
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(STEPS.get(name, name), total=total)
        self.progress.update(self.tasks[name], completed=done, total=total)
