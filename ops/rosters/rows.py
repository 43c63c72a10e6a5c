"""The rows of one file: decoded, cut into cells, and every cell that is read looked at."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from catalog.wording import did_you_mean
from ops.rosters.findings import Findings
from ops.rosters.form import Form
from ops.rosters.source import UNREADABLE, Source, lines, too_large

Cells = tuple[str, ...]
"""The columns of a form, in its order. A cell that may not stand there, or does not, is empty."""
_NUMBER = r"[\d\s().-]*"
_HIDDEN = "\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069"
ODD = re.compile(rf'(?:^|,)\s*"?\s*(?:[=@\t]|[+-](?!{_NUMBER}(?:[,"]|$)))|[{_HIDDEN}]')
"""A line that may hold a formula or a character that nobody sees; its cells are then looked at one by one."""
FORMULA = re.compile(rf"\s*(?:[=@]|[+-](?!{_NUMBER}$))|\t")
HIDDEN = re.compile(f"[{_HIDDEN}]")
NAME = re.compile(r"[A-Za-z][A-Za-z.]{0,63}")
"""A column's name, which may be shown."""


class Encoding(StrEnum):
    """How the bytes are to be read. The standard wants UTF-8; a byte order mark is allowed."""

    UTF8 = "utf-8"
    GB18030 = "gb18030"


class Row(NamedTuple):
    """A row and the line on which it begins."""

    line: int
    cells: Cells


class _Lines:
    """The text of a file for the CSV parser, which asks for one line at a time."""

    def __init__(self, raw: Iterator[bytes], encoding: Encoding) -> None:
        self.raw, self.encoding = raw, encoding
        self.number = 0
        self.odd = False
        """Whether a line since the last look may hold what no cell may."""

    def __iter__(self) -> Iterator[str]:
        encoding, odd = self.encoding.value, ODD.search
        for line in self.raw:
            self.number += 1
            text = line.decode(encoding)
            if self.number == 1:
                text = text.removeprefix("\ufeff")
            if odd(text):
                self.odd = True
            yield text


def rows(source: Source, form: Form, findings: Findings, encoding: Encoding) -> Iterator[Row]:
    """Every row. What is wrong is noted; when the rest of the file cannot be read, the last finding says so, at column ``*``."""
    text = _Lines(iter(()), encoding)
    try:
        if source.large(form.file):
            raise ValueError(too_large())
        with source.opened(form.file) as file:
            text.raw = lines(file)
            yield from _parsed(csv.reader(text, strict=True), text, form, findings)
    except UnicodeDecodeError:
        findings.add(form.file, text.number, "*", _not_text(encoding))
    except csv.Error as error:
        findings.add(
            form.file, text.number, "*", f"cannot be read from here on: {error}; a quote inside a value is doubled"
        )
    except UNREADABLE as error:
        findings.add(form.file, text.number + 1, "*", f"cannot be read from here on: {error}; export it again")
    except ValueError as error:
        findings.add(form.file, text.number + 1, "*", str(error))


def _not_text(encoding: Encoding) -> str:
    other = (
        "`--encoding gb18030` reads what Chinese office programs write"
        if encoding is Encoding.UTF8
        else "leave `--encoding` out: it may be UTF-8"
    )
    return f"is not {encoding.value.upper()}, as the standard wants: export it as UTF-8; {other}"


def _parsed(reader: Iterator[list[str]], text: _Lines, form: Form, findings: Findings) -> Iterator[Row]:
    header = next(reader, [])
    if text.odd:
        text.odd = False
        _look(header, header, 1, form, findings)
    positions = _positions(header, form, findings)
    if positions is None:
        return
    width, pick, begins, some = len(header), itemgetter(*positions), text.number + 1, False
    for cells in reader:
        line, begins = begins, text.number + 1
        if text.odd:
            text.odd = False
            _look(cells, header, line, form, findings)
        if len(cells) != width:
            if cells:
                findings.add(form.file, line, "", f"has not the header's {width} cells: quote what holds a comma")
            continue
        some = True
        cells.append("")
        yield Row(line, _checked(pick(cells), line, form, findings))
    if not some:
        findings.add(form.file, 1, "", "holds no row: leave the file out, and say `absent` in manifest.csv")


def _positions(header: list[str], form: Form, findings: Findings) -> list[int] | None:
    """Where each column stands; one past the end for one that is left out and need not be there. None when the header is not to be used."""
    before, bad = len(findings), {name for name in header if header.count(name) > 1}
    for name in sorted(bad):
        # A file without a header begins with somebody's data: only names that the form knows are said.
        known = name if name in {column.name for column in form.columns} else "a column"
        findings.add(form.file, 1, "*", f"the header names {known} twice")
    for column in form.columns:
        if column.needed and column.name not in header:
            hint = did_you_mean(column.name, [each for each in header if NAME.fullmatch(each)])
            findings.add(
                form.file, 1, "*", f"the column {column.name} is missing{hint}; the header is the file's first line"
            )
    if len(findings) > before:
        return None
    return [header.index(each.name) if each.name in header else len(header) for each in form.columns]


def _checked(cells: Cells, line: int, form: Form, findings: Findings) -> Cells:
    wrong = set()
    for position, (column, text) in enumerate(zip(form.columns, cells, strict=True)):
        if text:
            if not column.right(text):
                findings.add(form.file, line, column.name, column.wanted)
                wrong.add(position)
        elif column.needed:
            findings.add(form.file, line, column.name, f"is empty: every {form.one} needs one")
    return tuple("" if each in wrong else text for each, text in enumerate(cells)) if wrong else cells


def _look(cells: list[str], header: list[str], line: int, form: Form, findings: Findings) -> None:
    """Note formulas, and characters that nobody sees, in any cell, read or not: other programs would open the file too."""
    for position, text in enumerate(cells):
        name = header[position] if position < len(header) and NAME.fullmatch(header[position]) else ""
        if FORMULA.match(text):
            findings.add(
                form.file,
                line,
                name,
                "begins like a formula: whoever opens the file in a spreadsheet would run it; take the sign away",
            )
        elif HIDDEN.search(text):
            findings.add(form.file, line, name, "holds a character that nobody sees: type the value anew")
