"""Write figures and proofs into their Markdown pages: a benchmark's section is replaced, a proof's is appended."""

from __future__ import annotations

import fcntl
import os
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, today

COLUMNS = ("name", "n", "unit", "median", "min", "max", "cpu_seconds", "note")
"""Keys of a benchmark's row, in the order of the table. ``n`` is how many times it was measured."""


def _cell(value: object) -> str:
    """One table cell: floats to three significant digits, nothing for None, and no bar or line break that would break the row."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def row(name: str, values: Sequence[float], unit: str, note: str = "", **more: object) -> dict[str, Any]:
    """A row of something measured several times: the middle and the ends."""
    ends = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {"name": name, "n": len(values), "unit": unit, **ends, "note": note, **more}


def benchmark_section(title: str, about: str, rows: Iterable[Mapping[str, Any]], load: float) -> str:
    """One benchmark's section: what it asks, when and where it was measured, and its figures.

    ``load`` is how many processes wanted a core in the minute before; what others do on the machine is in every wall-clock figure.
    """
    figures = table((column.replace("_", " ") for column in COLUMNS), ([row.get(c) for c in COLUMNS] for row in rows))
    where = f"Measured {today()} on {describe()}; load before it began {load:.1f}."
    return f"## {title}\n\n{about}\n\n{where}\n\n{figures}"


def replace_section(page: str, title: str, section: str) -> str:
    """``page`` with the section ``## title`` replaced, or added at the end; the other sections stay to the letter."""
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: section.rstrip() + "\n\n", page, count=1).rstrip() + "\n"
    return page.rstrip() + "\n\n" + section.rstrip() + "\n"


class Proofs:
    """One dated section of campaign results at the end of ``path``, written with its first row and again with each one after it.

    A run of hours that is ended half way keeps what it found until then, and says that it did not come to its end. Runs that write
    at once lose nothing: each reads the page anew under a lock, and replaces the section that it wrote last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._section = ""
        self._rows: list[tuple[str, str]] = []

    def note(self, what: str, result: str) -> None:
        """One more campaign's result."""
        self._rows.append((what, result))
        self._write("**the run did not come to its end**")

    def end(self, *, failed: bool) -> None:
        """The run has ended; ``failed`` says that it did not pass as a whole. A run without a result leaves no section."""
        if self._rows:
            self._write("**the run failed**" if failed else "the run passed")

    def _write(self, verdict: str) -> None:
        section = f"## {today()}\n\nOn {describe()}; {verdict}.\n\n{table(('what', 'result'), self._rows)}"
        with _alone(self._path.parent):
            page = self._path.read_text(encoding="utf-8")
            # To its end: the same rows may begin another run's section.
            own = re.search(rf"{re.escape(self._section)}(?=\n## |\Z)", page) if self._section else None
            whole = page[: own.start()] + section + page[own.end() :] if own else f"{page.rstrip()}\n\n{section}"
            part = self._path.with_name(f".{self._path.name}.part")
            part.write_text(whole, encoding="utf-8")
            part.replace(self._path)
        self._section = section


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else who asks for it is in ``folder`` meanwhile; the folder itself is locked, since its files are replaced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
