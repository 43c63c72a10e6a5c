"""An operator's table, as CSV or YAML: its rows with their lines, and everything that is wrong with its form.

Cells are text, whatever a spreadsheet or YAML would make of them: a school's code keeps its digits, a day stays as it was written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from catalog.errors import UserError
from catalog.nodes import NodeReader
from catalog.problems import Problem, shown
from catalog.wording import did_you_mean

MOST_BYTES: Final = 16 << 20
"""A city's day is 20,000 rows of 60 bytes."""
SHOWN: Final = 50
"""Problems that are printed; the count says how many there are."""


@dataclass(frozen=True)
class Row:
    """One row: its line, from 1, and its cells by column; a cell that is not given is empty."""

    line: int
    cells: dict[str, str]


@dataclass
class Sheet:
    """A file's rows, and what is wrong with it so far."""

    path: Path
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, column: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.path, line, column, message))

    def refuse(self, then: str = "") -> None:
        """Raise `UserError` with every problem, if there is any; ``then`` stands below them."""
        found = sorted(set(self.problems))
        if not found:
            return
        head = "one problem:" if len(found) == 1 else f"{len(found)} problems:"
        more = [f"  ... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        listed = [f"{self.path.name} has {head}", *(f"  {each}" for each in found[:SHOWN]), *more]
        raise UserError("\n".join(filter(None, (*listed, then))))


def read(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> Sheet:
    """The table in ``path``. Raises `UserError` where it cannot be read at all; wrong columns and cells are noted."""
    sheet, text = Sheet(path), _text(path)
    rows = _yaml(sheet, text) if path.suffix in {".yaml", ".yml"} else _csv(sheet, text)
    known = (*needed, *optional)
    for row in rows:
        for column in [each for each in row.cells if each not in known]:
            sheet.wrong(
                row.line,
                "",
                f"unknown column {shown(column)}{did_you_mean(column, known)}; there are: {', '.join(known)}",
            )
        for column in needed:
            if not row.cells.get(column):
                sheet.wrong(row.line, column, "is missing")
    sheet.rows = [Row(row.line, {column: row.cells.get(column, "") for column in known}) for row in rows]
    if not sheet.rows and not sheet.problems:
        sheet.wrong(1, "", f"holds no row; its columns are {', '.join(known)}")
    return sheet


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: is larger than {MOST_BYTES >> 20} MiB: is it a table?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text: in a spreadsheet choose “CSV UTF-8” when saving") from error


def _csv(sheet: Sheet, text: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header, rows = [cell.strip() for cell in next(reader, [])], list[Row]()
        for cells in reader:
            if len(cells) > len(header):
                sheet.wrong(reader.line_num, "", f"has {len(cells)} cells under {len(header)} columns")
            if any(cell.strip() for cell in cells):
                rows.append(Row(reader.line_num, dict(zip(header, map(str.strip, cells), strict=False))))
    except csv.Error as error:
        sheet.wrong(reader.line_num, "", f"is no CSV: {error}")
        return []
    return rows


def _yaml(sheet: Sheet, text: str) -> list[Row]:
    try:
        # As a catalog is read: scalars stay text, and a value that is nested too deep is refused before the stack is used up.
        root = NodeReader(text).get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        sheet.wrong(mark.line + 1 if mark else 1, "", f"is not valid YAML: {getattr(error, 'problem', error)}")
        return []
    found = []
    for node in root.value if isinstance(root, yaml.SequenceNode) else ():
        if isinstance(node, yaml.MappingNode) and all(
            isinstance(part, yaml.ScalarNode) for pair in node.value for part in pair
        ):
            found.append(Row(node.start_mark.line + 1, {key.value: value.value for key, value in node.value}))
        else:
            sheet.wrong(node.start_mark.line + 1, "", "must be a group of keys, each with one value")
    if root is not None and not isinstance(root, yaml.SequenceNode):
        sheet.wrong(1, "", "must be a list of rows, each with `- `")
    return found
