"""Withdrawn lessons: each is given up as soon as it is heard of, and a few times more; what was done is remembered on disk.

More than once, because a viewer's request may have been on its way just then and would put the object back. What is only purged stays
published: it is given up once, and whatever brings it back is welcome.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .cache import Cache, Refused, Skipped

FILE = "withdrawn.json"
ROUNDS = (0, 60, 600, 90_000)
"""Seconds after a withdrawal was heard of at which it is purged; the last when every token that could fetch it again has ended."""
PURGED = "purged"
"""The kind of an entry that is no withdrawal; one of any other kind is."""
PATTERN = re.compile(r"(.*)\{(\d{1,6})\.\.(\d{1,6})\.\.([1-9]\d{0,5})\}(.*)")
"""Names that count up, spelt as a shell spells them: `derive.withdrawal` writes them so."""
LESSON = re.compile(r"l-[a-z2-7]{16}")
FORM = 2
"""Which paths a keeper gives up. One of before knew no downloads, marked nothing, and left them where they were."""
KEPT = 14 * 86_400
"""Seconds for which the platform names a withdrawal at most: `derive.withdrawal.kept`, which a test holds beside this."""
MARGIN = 365 * 86_400
"""A stick of before a withdrawal brings the lesson back once that is forgotten: one that is older than a year is at nobody's hand."""
Row = dict[str, Any]


def moment(text: str) -> float:
    """Unix time of an ISO 8601 text. ValueError when it is none."""
    return datetime.fromisoformat(text).timestamp()


def entries(document: Any) -> Iterator[Row]:  # noqa: ANN401  # whatever the platform said
    """The well-formed entries of a document of withdrawals."""
    rows = document.get("lessons") if isinstance(document, dict) else None
    for row in rows if isinstance(rows, list) else ():
        try:
            moment(row["at"])
            if LESSON.fullmatch(row["id"]) and all(isinstance(path, str) for path in row["paths"]):
                yield row
        except (KeyError, TypeError, ValueError):
            continue


def paths(row: Row) -> Iterator[str]:
    """Every path of an entry, its patterns spelt out one by one."""
    for each in row["paths"]:
        found = PATTERN.fullmatch(each)
        if not found:
            yield each
            continue
        before, first, last, step, after = found.groups()
        for at in range(int(first), int(last) + 1, int(step)):
            yield f"{before}{at:0{len(first)}d}{after}"


def _withdrawn(row: Row) -> bool:
    return row.get("kind") != PURGED


def _key(row: Row) -> str:
    return f"{row['id']} {row['at']}" + ("" if _withdrawn(row) else f" {PURGED}")


def _end(row: Row) -> None:
    """Nothing more is to be given up for it; that it was heard of is remembered."""
    row.update(rounds=len(ROUNDS), paths=[])


def _catch_up(known: Row, row: Row) -> None:
    """Have what a keeper of before was told of given up once more, as far as it left that where it was."""
    known["form"] = FORM
    if left := [path for path in row["paths"] if "/~" in path]:
        # Where its rounds go on, they give up the others with it.
        known.update(paths=[*(path for path in known["paths"] if path not in left), *left], heard=time.time(), rounds=0)


def _forget(known: dict[str, Row]) -> None:
    """Drop what is ended and so old that nobody names it any more, and nothing of before it comes."""
    oldest = time.time() - KEPT - MARGIN
    for key in [key for key, row in known.items() if row["rounds"] >= len(ROUNDS) and moment(row["at"]) < oldest]:
        del known[key]


class Withdrawals:
    """What this box knows of withdrawals, in ``folder``; the service and a stick share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memo: tuple[int, dict[str, Row]] = (0, {})

    def hear(self, document: Any) -> None:  # noqa: ANN401  # whatever the platform said
        """Note what is new in a document. OSError when it cannot be kept."""
        with self._kept() as known:
            for row in entries(document):
                before = known.get(_key(row))
                if before is None:
                    known[_key(row)] = {**row, "form": FORM, "heard": time.time(), "rounds": 0}
                elif before.get("form") != FORM:
                    _catch_up(before, row)
            _forget(known)

    def purge(self, cache: Cache) -> tuple[int, OSError | None]:
        """Give up what is due; how many objects were held, and what is wrong: the cache did not answer, or not well, and is asked again.

        Or paths were skipped (`Skipped`): they are so in every round, and no other one waits for them.
        """
        found, now = 0, time.time()
        wrong: OSError | None = None
        for key, row in self._read().items():
            if row["rounds"] < len(ROUNDS) and now >= row["heard"] + ROUNDS[row["rounds"]]:
                try:
                    found += cache.purge(paths(row))
                except Skipped as error:
                    found += error.found
                    wrong = wrong or error
                except OSError as error:
                    wrong = error
                    if isinstance(error, Refused):
                        # The others are given up all the same: what is refused may be so for long.
                        continue
                    break
                with self._kept() as known:
                    known[key]["rounds"] += 1
                    if known[key]["rounds"] >= len(ROUNDS) or not _withdrawn(row):
                        _end(known[key])
        return found, wrong

    def keeps_out(self, lesson: str, made: float) -> bool:
        """Whether the lesson was withdrawn at ``made`` or later: what was made before then must not come back.

        Otherwise it is a newer one, and is not given up for an older withdrawal any more.
        """
        rows = {key: row for key, row in self._read().items() if row["id"] == lesson and _withdrawn(row)}
        if any(moment(row["at"]) >= made for row in rows.values()):
            return True
        if any(0 < row["rounds"] < len(ROUNDS) for row in rows.values()):
            with self._kept() as known:
                for key in rows:
                    _end(known[key])
        return False

    def _read(self) -> dict[str, Row]:
        try:
            written = (self.folder / FILE).stat().st_mtime_ns
            if written != self._memo[0]:
                self._memo = (written, json.loads((self.folder / FILE).read_text()))
        except (OSError, ValueError):
            # None yet, or a disk that lost it: all that is still announced is purged anew.
            return {}
        return self._memo[1]

    @contextmanager
    def _kept(self) -> Iterator[dict[str, Row]]:
        """All rows, to be changed; kept whole or as they were."""
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._read()
            rows = json.loads(json.dumps(before))
            yield rows
            if rows != before:
                self._write(json.dumps(rows))
        finally:
            os.close(lock)

    def _write(self, text: str) -> None:
        part = self.folder / f".{FILE}"
        part.unlink(missing_ok=True)
        with part.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(self.folder / FILE)
