"""What is wrong with a catalog, said so that it can be mended: file, line, key, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import UserError


def printable(text: str) -> str:
    """Text on one line, with everything that a terminal might obey spelt out."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def displayed(file: Path) -> str:
    """A path as it is shown: relative to the current folder where it lies below, and without anything a terminal obeys."""
    path = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return printable(str(path))


def shown(value: object, limit: int = 60) -> str:
    """A value as it may be printed: one line, shortened, nothing that a terminal would obey."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend. ``line`` counts from 1; ``key`` is the path inside the file, for instance ``schools[3].uplink``."""

    file: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{displayed(self.file)}:{self.line}" + (f":{self.key}" if self.key else "")
        return printable(f"{where}: {self.message}")


class CatalogError(UserError):
    """Every problem of a catalog, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        head = "the catalog has one problem:" if count == 1 else f"the catalog has {count} problems:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))
