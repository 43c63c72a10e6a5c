"""Many people at once, named on a command line or in a file: by their ids on the platform, or in the register, which no message repeats."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from catalog.errors import UserError
from derive.pseudonym import Pseudonyms
from ops.rosters import telling

PERSON: Final = "person"
"""Column of a file with ids on the platform."""
REGISTER: Final = "sourcedId"
"""Column with ids in the register, as OneRoster calls it."""
Key = Callable[[], Pseudonyms]


def named(given: Sequence[str], file: Path | None, key: Key) -> tuple[dict[UUID, str], list[str]]:
    """Who is meant, each once, with where they were named first; and everything that is wrong with how."""
    found: dict[UUID, str] = {}
    wrong: list[str] = []
    for where, name in _asked(given):
        try:
            found.setdefault(telling.identity(name, key), where)
        except UserError as error:
            wrong.append(f"{where}: {error}")
    try:
        for where, column, name in _rows(file) if file else ():
            if (identity := _identity(column, name, key)) is None:
                wrong.append(
                    f"{where}: this is no id of the platform; ids in the register stand in a column {REGISTER}"
                )
            else:
                found.setdefault(identity, where)
    except UserError as error:
        wrong.append(str(error))
    return found, wrong


def _asked(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((f"person {number}", name) for number, name in enumerate(given, 1))


def _identity(column: str, name: str, key: Key) -> UUID | None:
    if column == REGISTER:
        return key().of(name)
    try:
        return UUID(name)
    except ValueError:
        return None


def _rows(file: Path) -> Iterator[tuple[str, str, str]]:
    """Line, column and id of each row that has one. Raises `UserError` for a file that cannot be read, or has no such column."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text, strict=True)
            columns = [each for each in (PERSON, REGISTER) if each in (rows.fieldnames or ())]
            if len(columns) != 1:
                raise UserError(
                    f"{file} needs a header with a column {PERSON} (ids on the platform) or {REGISTER} (ids in the register), and not both"
                )
            for row in rows:
                if name := (row[columns[0]] or "").strip():
                    yield f"{file}:{rows.line_num}", columns[0], name
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} cannot be read as CSV in UTF-8: {type(error).__name__}") from error
