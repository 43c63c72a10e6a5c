"""A roster of two small schools, made by the sample, to be changed cell by cell."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from catalog import City, load_named
from ops.rosters import sample
from ops.rosters.checking import Checked, check
from ops.rosters.findings import RosterError
from ops.rosters.rows import Encoding
from ops.rosters.source import Source

TODAY = date(2026, 11, 24)


def city() -> City:
    """Two schools of `tiny`, cut down to a handful of people each."""
    tiny = load_named("tiny")
    sizes = {"students": 6, "teachers": 3, "classes": 2}
    return tiny.model_copy(update={"schools": tuple(each.model_copy(update=sizes) for each in tiny.schools[:2])})


def written(folder: Path) -> Path:
    """The roster in a new folder."""
    sample.write(city(), folder, TODAY)
    return folder


def read(folder: Path, file: str) -> list[dict[str, str]]:
    """The rows of one file."""
    with (folder / f"{file}.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def write(folder: Path, file: str, rows: Iterable[dict[str, str]]) -> None:
    """Put these rows in the place of a file's, under the header that it has."""
    path = folder / f"{file}.csv"
    header = next(csv.reader(path.read_text(encoding="utf-8").splitlines()[:1]))
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, header)
        writer.writeheader()
        writer.writerows(rows)


def change(folder: Path, file: str, number: int, **cells: str) -> None:
    """Change cells of one row; -1 is the last one."""
    rows = read(folder, file)
    rows[number] |= cells
    write(folder, file, rows)


def checked(path: Path, encoding: Encoding = Encoding.UTF8) -> Checked:
    """The first look at a roster that is good."""
    return check(Source(path), city(), TODAY, encoding)


def problems(path: Path, encoding: Encoding = Encoding.UTF8) -> list[str]:
    """What is wrong with it, as shown; empty when nothing is."""
    try:
        checked(path, encoding)
    except RosterError as error:
        return [str(each) for each in error.findings.kept]
    return []
