"""Adds a school to a city's files: one row, in its district's file, with every other byte of the file left as it is."""

from __future__ import annotations

import difflib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from catalog.city import City
from catalog.errors import UserError
from catalog.loader import load
from catalog.nodes import Document
from catalog.problems import displayed
from catalog.reading import read_folder
from catalog.school import School
from catalog.wording import did_you_mean
from catalog.writing import school_row


@dataclass(frozen=True)
class Change:
    """A file's content before and after."""

    file: Path
    before: bytes
    after: bytes

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = (text.decode("utf-8-sig").splitlines(keepends=True) for text in (self.before, self.after))
        name = displayed(self.file)
        return "".join(difflib.unified_diff(old, new, name, name))

    def write(self) -> None:
        """Put the new content in place in one step; UserError where the file has changed meanwhile."""
        if self.file.read_bytes() != self.before:
            raise UserError(f"{displayed(self.file)} has changed meanwhile: nothing was written; run the command again")
        try:
            _replace(self.file.resolve(), self.after)  # a link stays a link
        except OSError as error:
            raise UserError(f"{displayed(self.file)}: nothing was written: {error.strerror}") from error


def _replace(target: Path, content: bytes) -> None:
    """Give ``target`` another content in one step: whoever reads it finds the old or the new, also after a crash."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def add_school(directory: Path, school: School) -> Change:
    """The change that adds ``school``, not yet written; CatalogError where the city, with or without it, is unsound."""
    city = load(directory)
    _refuse_misfit(city, school)
    documents, _ = read_folder(directory)
    document = _home(city, documents, school)
    before = document.file.read_bytes()
    change = Change(document.file, before, _with_row(document, before, school))
    after = load(directory, {document.file: change.after})
    if _without(after, school.code) != _without(city, school.code) or after.school(school.code) != school:
        raise UserError(f"{displayed(document.file)} cannot be extended safely: write the row by hand")
    return change


def _refuse_misfit(city: City, school: School) -> None:
    wrong = []
    if school.code in city.by_code:
        name = city.school(school.code).name
        wrong.append(f"the code {school.code} is already taken by {name.zh} ({name.en})")
    for what, wanted, known in (
        ("district", school.district, list(city.by_district)),
        ("wave", school.wave, [wave.id for wave in city.waves]),
    ):
        if wanted not in known:
            wrong.append(f"there is no {what} `{wanted}`{did_you_mean(wanted, known)}; there are: {', '.join(known)}")
    if wrong:
        raise UserError("\n".join(["nothing was written:", *(f"  {each}" for each in wrong)]))


def _without(city: City, code: str) -> dict[str, object]:
    return city.model_copy(update={"schools": tuple(s for s in city.schools if s.code != code)}).model_dump()


def _home(city: City, documents: list[Document], school: School) -> Document:
    """The file with the most schools of the new one's district; else the one with the most schools."""
    with_schools = [document for document in documents if "schools" in document.data]

    def schools_here(document: Document) -> tuple[int, int]:
        rows = document.data["schools"]
        return sum(row["district"] == school.district for row in rows), len(rows)

    return max(with_schools, key=schools_here)


def _with_row(document: Document, before: bytes, school: School) -> bytes:
    """The file's bytes with the row after its last school, in the file's own indentation and line ends."""
    rows = next(value for key, value in document.root.value if key.value == "schools")
    if rows.flow_style:
        line = rows.start_mark.line + 1
        raise UserError(f"{displayed(document.file)}:{line}: write the schools one below the other, each with `- `")
    dash = rows.start_mark.column
    row = "".join(" " * dash + line[2:] for line in school_row(school).splitlines(keepends=True))
    end = b"\r\n" if b"\r\n" in before else b"\n"
    lines = before.split(b"\n")
    last = _last_line(rows.value[-1])
    head, tail = b"\n".join(lines[: last + 1]), b"\n".join(lines[last + 1 :])
    head = head if head.endswith(b"\r") or end == b"\n" else head + b"\r"
    return head + b"\n" + row.encode().replace(b"\n", end) + tail


def _last_line(node: yaml.Node) -> int:
    """The line (from 0) on which a row's last value ends; a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    line: int = node.end_mark.line
    return line - 1 if node.end_mark.column == 0 and line > node.start_mark.line else line
