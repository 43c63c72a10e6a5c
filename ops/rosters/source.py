"""The files of a roster, in a folder or a zip archive, line by line: never more than a line of one in memory."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from catalog.errors import UserError
from catalog.problems import displayed
from ops.rosters.form import FORMS, MANIFEST

LONGEST_LINE: Final = 65_536
"""Bytes. A row of the standard's longest file has some hundred."""
LARGEST_FILE: Final = 4 * 2**30
"""Bytes, unpacked: ten times the users of a city of four million."""
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What a damaged or encrypted archive answers with."""
NAMES: Final = frozenset(form.file for form in (*FORMS, MANIFEST))


class Source:
    """A roster's files, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self.names = frozenset(each.name for each in path.iterdir() if each.is_file())
            return
        try:
            self.archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise UserError(
                f"{displayed(path)} does not exist: give a folder with OneRoster's CSV files, or a zip of them"
            ) from None
        except UNREADABLE as error:
            raise UserError(
                f"{displayed(path)} is neither a folder nor a zip archive that can be read ({error}): export it again"
            ) from error
        held = Counter(each.filename for each in self.archive.infolist() if not each.is_dir())
        if twice := sorted(name for name, count in held.items() if count > 1 and name in NAMES):
            raise UserError(f"{displayed(path)} holds {', '.join(twice)} more than once: pack it again")
        self.names = frozenset(held)

    def size(self, name: str) -> int:
        """Bytes, unpacked."""
        return self.archive.getinfo(name).file_size if self.archive else (self.path / name).stat().st_size

    def large(self, name: str) -> bool:
        """Whether one file says of itself that it holds more than one may."""
        return self.size(name) > LARGEST_FILE

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of one file. Raises one of ``UNREADABLE``."""
        if self.archive is None:
            with (self.path / name).open("rb") as file:
                yield file
            return
        with self.archive.open(name) as packed, io.BufferedReader(packed, 2**18) as file:  # type: ignore[type-var]
            yield file

    def digest(self) -> str:
        """sha256 (hex) of what is read, by which an import that was cut off knows its file again.

        Raises `UserError` for files that are too large, or cannot be read.
        """
        # Before the first byte: a small archive can hold more than a day's reading.
        self._refuse(name for name in self.names & NAMES if self.large(name))
        whole = hashlib.sha256()
        for name in sorted(self.names & NAMES):
            whole.update(f"{name}\0{self.size(name)}\0".encode())
            try:
                with self.opened(name) as file:
                    for part in self._parts(name, file):
                        whole.update(part)
            except UNREADABLE as error:
                raise UserError(
                    f"{name} in {displayed(self.path)} cannot be read ({error}): export it again"
                ) from error
        return whole.hexdigest()

    def _parts(self, name: str, file: BinaryIO) -> Iterator[bytes]:
        """What one file holds, no more than one may: it can grow, and an archive can say less than is in it."""
        read = 0
        while part := file.read(2**20):
            read += len(part)
            if read > LARGEST_FILE:
                self._refuse([name])
            yield part

    def _refuse(self, names: Iterable[str]) -> None:
        if wrong := [f"{name} in {displayed(self.path)}: {too_large()}" for name in sorted(names)]:
            raise UserError("\n".join([*wrong, "nothing was written"]))

    def close(self) -> None:
        """Let go of the archive."""
        if self.archive:
            self.archive.close()


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines; ValueError for one that is too long, and when there is more than a file may hold."""
    read = 0
    while line := file.readline(LONGEST_LINE + 1):
        read += len(line)
        if len(line) > LONGEST_LINE:
            raise ValueError(f"is longer than {LONGEST_LINE:,} bytes: this is no row of a roster")
        if read > LARGEST_FILE:
            raise ValueError(too_large())
        yield line


def too_large() -> str:
    """What is said of a file that holds more than one may."""
    return f"the file is larger than {LARGEST_FILE // 2**30} GiB: split it by district"
