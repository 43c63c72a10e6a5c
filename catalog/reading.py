"""Reading a folder of YAML files: each as a document, or a sentence that says why it cannot be read.

Sizes are bounded before anything is parsed, links to folders are not followed, and whatever is no plain file is left alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from catalog.nodes import Alias, Builder, Document, NodeReader
from catalog.problems import Problem

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Largest file read, bytes: 5,000 schools in one file are 1.8 MB (measured 2026-11-24)."""
MAX_TOTAL_BYTES: Final = 32 * 1024 * 1024
"""Most that is read of one catalog, bytes."""
MAX_FILES: Final = 2_000
"""Most files in one catalog."""
_PLAINER: Final = {
    "found character that cannot start any token": "a character that starts no value; indent with spaces, not tabs",
    "but found another document": "a second document (`---`): put it into a file of its own",
    "did not find expected node content": "a value or a closing bracket is missing",
}
"""The parser's sentence -> ours, where a beginner would be lost."""


@dataclass
class Unread:
    """What could not be read: every problem, and how many files gave no data at all."""

    problems: list[Problem]
    files: int = 0
    bytes: int = 0
    """Read so far."""

    def refuse(self, file: Path, line: int, message: str) -> None:
        """Note that ``file`` gave no data."""
        self.problems.append(Problem(file, line, "", message))
        self.files += 1


def read_folder(directory: Path, instead: Mapping[Path, bytes] | None = None) -> tuple[list[Document], Unread]:
    """Every ``*.yaml`` below ``directory``, in name order, and what could not be read; ``instead``: content by file."""
    unread = Unread([])
    if not directory.is_dir():
        reason = "is a file, not a folder" if directory.exists() else "there is no such folder"
        unread.refuse(directory, 1, f"{reason}: give the folder that holds the city's *.yaml files")
        return [], unread
    found = list(_entries(directory, unread))
    if len(found) > MAX_FILES:
        unread.refuse(directory, 1, f"holds {len(found)} files, more than {MAX_FILES}: put several rows into one file")
        return [], unread
    if not found and not unread.files:
        unread.refuse(directory, 1, "holds no *.yaml file: see catalog/data/tiny for an example")
    documents = (_read(file, unread, instead or {}) for file in found)
    return [document for document in documents if document is not None], unread


def _entries(directory: Path, unread: Unread) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        unread.refuse(Path(error.filename), 1, f"cannot be read: {error.strerror}")

    for folder, folders, files in os.walk(directory, onerror=refuse):
        for name in [name for name in folders if (Path(folder) / name).is_symlink()]:
            unread.refuse(Path(folder) / name, 1, "is a link to a folder: links to folders are not followed")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".yml"):
                unread.refuse(Path(folder) / name, 1, "would not be read: rename it to .yaml")
            elif name.endswith(".yaml") and not name.startswith("."):
                yield Path(folder) / name


def _read(file: Path, unread: Unread, instead: Mapping[Path, bytes]) -> Document | None:
    content = b""
    try:
        content = instead[file] if file in instead else _content(file, MAX_TOTAL_BYTES - unread.bytes)
        unread.bytes += len(content)
        root = NodeReader(content.decode("utf-8")).get_single_node()
    except OSError as error:
        unread.refuse(file, 1, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        unread.refuse(file, line, f"is not UTF-8 text (byte {error.start}): save it as UTF-8")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What is missing at the end is reported behind the last line.
        last = content.count(b"\n") + (not content.endswith(b"\n"))
        said = _PLAINER.get(error.problem or "", error.problem)
        unread.refuse(file, min(mark.line + 1, last) if mark else 1, f"is not valid YAML: {said}")
    except yaml.YAMLError as error:
        line = content.count(b"\n", 0, getattr(error, "position", 0)) + 1
        unread.refuse(file, line, f"is not valid YAML: {getattr(error, 'reason', error)}")
    else:
        return _document(file, root, unread)
    return None


def _document(file: Path, root: yaml.Node | None, unread: Unread) -> Document | None:
    if root is None:
        unread.refuse(file, 1, "is empty: write its facts, or delete the file")
        return None
    builder = Builder(file)
    try:
        data = builder.build(root)
    except Alias as alias:
        unread.refuse(
            file, alias.line, "anchors and aliases (`&` and `*`) are not allowed: write the value out in each place"
        )
        return None
    unread.problems.extend(builder.problems)
    if isinstance(data, dict):
        # What was refused is null here: it must not be judged a second time.
        unread.files += bool(builder.problems)
        return Document(file, root, data)
    unread.refuse(file, 1, "must hold keys such as `schools:` at its left edge")
    return None


def _content(file: Path, left: int) -> bytes:
    """The file's bytes; OSError where it is no plain file or too large, found out without reading on."""
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "it is not a plain file")
    with file.open("rb") as stream:
        content = stream.read(min(MAX_FILE_BYTES, left) + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(0, f"it is larger than {MAX_FILE_BYTES // 2**20} MiB: split it, for instance by district")
    if len(content) > left:
        raise OSError(0, f"the city's files are larger than {MAX_TOTAL_BYTES // 2**20} MiB together")
    return content
