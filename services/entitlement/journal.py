"""A chain of audit records on this machine's disk: what was acknowledged is there after a crash of the process.

Segments lie at ``<folder>/<writer>/<first>.open`` while they grow, and as ``<first>.jsonl`` when they may be shipped.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from derive import audit

LOG = logging.getLogger(__package__)
OPEN = ".open"


class UnrecordedError(Exception):
    """The record could not be written: nobody may be told what was decided."""


class Journal:
    """One chain, written by any number of threads. ``clock`` gives the time, aware. Raises OSError when the folder cannot be made."""

    def __init__(self, folder: Path, where: str, clock: Callable[[], datetime]) -> None:
        self._clock, self.begun = clock, clock()
        self.writer = audit.writer_id(self.begun, where)
        self._place = folder / self.writer
        self._place.mkdir(parents=True)
        try:
            _sync_folder(folder)
        except OSError:
            _drop(self._place)
            raise
        self._change, self._busy = threading.Condition(), False
        """Whether a thread is at the disk; the condition is told when it is done."""
        self._head = audit.begin(self.writer)
        self._waiting: list[bytes] = []
        self._durable, self._size = 0, 0
        self._file: BinaryIO | None = None
        self.broken = False
        """Whether a write failed: nothing more is taken, since what the disk holds of it is not known."""

    def append(self, entries: Sequence[audit.Entry]) -> int:
        """Write records, together and in this order; returns their bytes when they are on the disk. Raises `UnrecordedError`."""
        with self._change:
            records = list(self._chained(entries))
            lines = [audit.line(record) for record in records]
            self._waiting += lines
            last = self._head.sequence
        self._settle(last)
        return sum(map(len, lines))

    def _chained(self, entries: Sequence[audit.Entry]) -> Iterator[audit.Record]:
        for entry in entries:
            record = audit.follow(self._head, entry, self._clock())
            self._head = record.head
            yield record

    def _settle(self, last: int) -> None:
        """Return when record ``last`` is on the disk. Who finds the disk free writes for all that wait, so they share one fsync.

        Waiting for a lock of the disk's instead would starve threads: Python gives a lock to whoever comes, not to who waited longest.
        """
        with self._change:
            self._change.wait_for(lambda: self._durable >= last or self.broken or not self._busy)
            if self._durable >= last:
                return
            if self.broken:
                raise UnrecordedError("an earlier record could not be written")
            batch, self._waiting, end = self._waiting, [], self._head.sequence
            self._busy = True
        try:
            self._write(b"".join(batch))
            self._durable = end
        except Exception as error:  # whatever it is: the batch is lost, and those that wait for it must be told
            self._give_up()
            raise UnrecordedError(str(error)) from error
        finally:
            self._free()

    def _free(self) -> None:
        with self._change:
            self._busy = False
            self._change.notify_all()

    def _write(self, text: bytes) -> None:
        if self._file is None:
            path = self._place / f"{self._durable + 1:012d}{OPEN}"
            self._file, self._size = path.open("xb", buffering=0), 0
            _sync_folder(self._place)
        done = 0
        while done < len(text):
            done += self._file.write(text[done:]) or 0
        os.fsync(self._file.fileno())
        self._size += len(text)

    def _give_up(self) -> None:
        """Take back what was written and not acknowledged, as far as the disk still obeys; where that is all, its folder too.

        Every request tries anew while the disk fails: each try would leave a folder.
        """
        self.broken = True
        file, self._file = self._file, None
        if file is not None:
            self._take_back(file)
        _drop(self._place)

    def _take_back(self, file: BinaryIO) -> None:
        try:
            file.truncate(self._size)
            os.fsync(file.fileno())
            file.close()
            if self._size:
                _finish(Path(file.name))
            else:
                Path(file.name).unlink()
        except OSError as error:
            LOG.error("the end of %s cannot be taken back: %s", file.name, error)

    def cut(self) -> None:
        """End the segment that grows, if there is one, so that it can be shipped. Raises OSError."""
        with self._change:
            self._change.wait_for(lambda: not self._busy)
            self._busy = True
        try:
            file, self._file = self._file, None
            if file is not None:
                file.close()
                _finish(Path(file.name))
        finally:
            self._free()


def recover(folder: Path) -> int:
    """Make segments that dead writers left fit to be shipped; returns the bytes of all that wait. Raises OSError.

    A line that was cut short was never acknowledged, and goes.
    """
    for path in sorted(folder.glob(f"*/*{OPEN}")):
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
        if whole:
            _finish(path)
        else:
            path.unlink()
    return sum(path.stat().st_size for path in waiting(folder))


def waiting(folder: Path) -> list[Path]:
    """Segments to ship, in order."""
    return sorted(folder.glob(f"*/*{audit.SUFFIX}"))


def oldest(folder: Path) -> datetime | None:
    """When the first record was made that is still on this disk; None: there is none."""
    # Names sort by time: chains by when they began, segments by their first number.
    for path in sorted((*folder.glob(f"*/*{OPEN}"), *folder.glob(f"*/*{audit.SUFFIX}"))):
        try:
            with path.open("rb") as file:
                return datetime.fromisoformat(audit.parse(file.readline()).time)
        except (OSError, audit.DamagedError):
            continue  # shipped meanwhile, or not written to its end yet
    return None


def tidy(folder: Path, writing: Callable[[], Container[str]]) -> None:
    """Remove the folders of chains that are shipped to their end; ``writing`` says whose chains may still go on.

    It is asked after the look: a chain that begins in between is not among what was seen, and one that was seen goes on or is over.
    """
    seen = [path for path in folder.iterdir() if path.is_dir()]
    live = writing()
    for path in seen:
        if path.name not in live:
            _drop(path)


def _drop(place: Path) -> None:
    """Remove a chain's folder, unless there is something in it, or the disk does not obey."""
    with suppress(OSError):
        place.rmdir()


def _finish(path: Path) -> None:
    path.rename(path.with_suffix(audit.SUFFIX))
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
