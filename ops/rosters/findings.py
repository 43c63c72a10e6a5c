"""What is wrong with a roster, so many of each kind: file, line, column, and what to do. No cell's content is ever in it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from catalog.errors import UserError
from catalog.problems import printable

MOST, ALIKE = 100, 5
"""How many are kept in all, and of one kind: a file that is wrong in every row must not hide what else is."""


class Finding(NamedTuple):
    """One thing to mend. ``line`` counts from 1, the header's."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return printable(f"{self.file}:{self.line}:{f'{self.column}:' if self.column else ''} {self.message}")


class Findings:
    """All of them, counted; the first ones kept."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, file: str, line: int, column: str, message: str, kind: str | None = None) -> None:
        """Note one; ``kind`` is the message without what differs from row to row."""
        key = (file, column, kind or message)
        if key not in self.counts and len(self.counts) >= MOST:
            key = ("", "", "")
        self.counts[key] += 1
        if self.counts[key] <= ALIKE and len(self.kept) < MOST:
            self.kept.append(Finding(file, line, column, message))

    def __len__(self) -> int:
        return self.counts.total()


class RosterError(UserError):
    """Why a roster is not taken."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        count, kept = len(findings), len(findings.kept)
        lines = [
            "the roster has one problem:" if count == 1 else f"the roster has {count:,} problems:",
            *(f"  {each}" for each in findings.kept),
        ]
        if count > kept:
            lines.append(f"  ... and {count - kept:,} more, of these kinds")
        super().__init__("\n".join([*lines, "nothing was written"]))
