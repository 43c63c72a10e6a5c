#!/usr/bin/python3
"""Send the cache's access log to the city: finished lines, in batches that wait on disk while nobody takes them (standard library only).

Traffic Server writes and rolls its own files, and this only reads them. A file is known by its first line, which it keeps when it is
rolled; inode numbers are given out again. What was read is noted after the batch is on disk, and a batch goes when the city has taken it:
after a crash lines may be sent twice, and the city counts the same line once. Where the disk for batches is full the oldest goes, counted.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

PATH = "/api/v1/access-log"
HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "User-Agent": "huiju-logs"}
SECONDS = 20.0
"""Patience with one answer."""
BATCH = 1 << 20
"""Bytes of lines in one batch, unpacked; the intake takes no more (`Limits.log_bytes` of services/intake/settings.py)."""
TORN = 64 << 10
"""Bytes without an end of line that are no line any more: Traffic Server's longest has 9 KiB, a power cut leaves zeros."""
HELP = {
    "box_log_sent_lines_total": "Lines of the cache's access log that the city took.",
    "box_log_dropped_lines_total": "Lines that went unsent, since the disk for them was full or the city refused them.",
    "box_log_lost_files_total": "Files of the access log that are gone, maybe before they were read to their end.",
    "box_log_loss_timestamp_seconds": "When lines or files last went like this, or the city first heard of it, Unix time; 0 for never.",
    "box_log_waiting_bytes": "Bytes on disk, packed, that wait for the city.",
}
SENT, DROPPED, LOST, LOSS, WAITING = HELP
UNTOLD = "untold"
"""Whether something went since the city was last reached: an alert looks a day back, and a cut link may last for weeks."""
Row = dict[str, Any]


class Refused(Exception):  # noqa: N818  # an answer, not a fault
    """The city will never take this batch."""


class Log:
    """The cache's access log: what of it was not read yet."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def unread(self, seen: Row) -> tuple[bytes, Row]:
        """The oldest finished lines that ``seen`` does not have, `BATCH` bytes at most, and what is seen with them."""
        found: Row = {}
        lines = b""
        for file, rolled in self._files():
            key = hashlib.sha256(first).hexdigest()[:16] if (first := file.readline()).endswith(b"\n") else ""
            if not key:
                continue
            # Rolled while we look, it comes twice.
            at, _ = (seen | found).get(key) or (0, False)
            file.seek(at)
            part = file.read(BATCH - len(lines))
            end = part.rfind(b"\n") + 1
            lines += part[:end]
            found[key] = (at + (end or (len(part) if len(part) >= TORN else 0)), rolled)
        return lines, found

    def _files(self) -> Iterator[tuple[BinaryIO, bool]]:
        """Every file, the oldest first, and whether it was rolled. The newest is opened first: it may be rolled in between."""
        with ExitStack() as opened:
            newest = None
            with contextlib.suppress(FileNotFoundError):
                newest = opened.enter_context((self.folder / f"{self.name}.log").open("rb"))
            for path in sorted(self.folder.glob(f"{self.name}.log_*.old"), key=lambda each: each.stat().st_mtime_ns):
                with path.open("rb") as file:
                    yield file, True
            if newest:
                yield newest, False


class Queue:
    """Batches on disk, by number, and what is remembered beside them."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self._file = folder / "state.json"
        self.state: Row = {"next": 0, "seen": {}, SENT: 0, DROPPED: 0, LOST: 0, LOSS: 0, UNTOLD: False}
        with contextlib.suppress(OSError, ValueError):
            self.state |= json.loads(self._file.read_text())
        for path in self.batches():
            # A batch whose lines are not noted as read: they are read again.
            if int(path.stem) >= self.state["next"]:
                path.unlink()

    def batches(self) -> list[Path]:
        """The oldest first."""
        return sorted(self.folder.glob("*.gz"))

    def put(self, lines: bytes, seen: Row) -> None:
        """Keep lines as the newest batch, and note what is read with them; where there is no room the oldest batches go."""
        self._write(self.folder / f"{self.state['next']:012d}.gz", gzip.compress(lines, 6))
        self.keep(next=self.state["next"] + 1, seen=seen)
        sizes = {path: path.stat().st_size for path in self.batches()}
        while sum(sizes.values()) > self.most:
            self.drop(oldest := next(iter(sizes)), "no room")
            del sizes[oldest]

    def drop(self, batch: Path, why: str) -> None:
        """Give a batch up, and say so."""
        lines = count(batch)
        self.keep(**{DROPPED: self.state[DROPPED] + lines, LOSS: time.time(), UNTOLD: True})
        batch.unlink()
        print(f"{lines} lines of the access log are dropped: {why}", file=sys.stderr, flush=True)

    def keep(self, **changes: Any) -> None:  # noqa: ANN401  # what JSON holds
        """Remember."""
        self.state |= changes
        self._write(self._file, json.dumps(self.state).encode())

    def readings(self) -> dict[str, float]:
        """For the exporter."""
        counts = {name: float(self.state[name]) for name in (SENT, DROPPED, LOST, LOSS)}
        return {**counts, WAITING: float(sum(path.stat().st_size for path in self.batches()))}

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        """Whole or not at all."""
        part = file.with_suffix(".part")
        try:
            with part.open("wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            part.replace(file)
        except OSError:
            # On a full disk half a file takes the room that others need.
            part.unlink(missing_ok=True)
            raise


def count(batch: Path) -> int:
    """Lines of a batch; none of one that the disk has lost."""
    try:
        return gzip.decompress(batch.read_bytes()).count(b"\n")
    except (OSError, EOFError, zlib.error):
        return 0


class City:
    """The city's door for boxes, with the box's certificate."""

    def __init__(self, address: str, credentials: Path) -> None:
        parts = urlsplit(address)
        context = ssl.create_default_context(cafile=str(credentials / "platform.crt"))
        context.load_cert_chain(credentials / "box.crt", credentials / "box.key")
        self.line = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=SECONDS, context=context
        )

    def send(self, body: bytes) -> None:
        """Send a batch. Raises `Refused` when it is wrong in itself, OSError when it is to be sent again later."""
        try:
            self.line.request("POST", PATH, body, HEADERS)
            answer = self.line.getresponse()
            said = answer.read(1000).decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        finally:
            # A minute later it would be closed by the other side.
            self.line.close()
        if answer.status == http.client.BAD_REQUEST:
            raise Refused(said)
        if answer.status != http.client.NO_CONTENT:
            raise OSError(f"the city answered {answer.status} {said}")


class Shipper:
    """Reads, keeps and sends."""

    def __init__(self, log: Log, queue: Queue, city: City) -> None:
        self.log, self.queue, self.city = log, queue, city

    def step(self) -> None:
        """Send all that is there. OSError when the city cannot be asked, or the disk not be written: all is kept, and tried again."""
        wrong = self._collected(least=1)
        while batches := self.queue.batches():
            self._send(batches[0])
            wrong = self._collected(least=BATCH // 2) or wrong
        if wrong:
            raise wrong

    def _collected(self, least: int) -> OSError | None:
        """Why lines could not be put into batches, or None. What waits is sent all the same: on a full disk that makes room."""
        try:
            self.collect(least)
        except OSError as error:
            return error
        return None

    def collect(self, least: int) -> None:
        """Put lines into batches, ``least`` bytes or more; while others wait, less than half a batch waits in the cache's file."""
        while True:
            seen = self.queue.state["seen"]
            lines, now = self.log.unread(seen)
            if gone := seen.keys() - now.keys():
                seen = self._forget(gone)
            if len(lines) < (BATCH // 2 if self.queue.batches() else least):
                if not lines and now != seen:
                    self.queue.keep(seen=now)
                return
            self.queue.put(lines, now)

    def _forget(self, gone: set[str]) -> Row:
        """Files that the cache took away; one that was not rolled yet when it was read may have grown since."""
        seen = self.queue.state["seen"]
        lost = sum(not seen[key][1] for key in gone)
        left = {key: value for key, value in seen.items() if key not in gone}
        loss = {LOST: self.queue.state[LOST] + lost, LOSS: time.time(), UNTOLD: True} if lost else {}
        self.queue.keep(seen=left, **loss)
        if lost:
            print(
                f"{lost} files of the access log are gone, maybe before their end was read", file=sys.stderr, flush=True
            )
        return left

    def _send(self, batch: Path) -> None:
        lines = count(batch)
        try:
            self.city.send(batch.read_bytes())
        except Refused as refused:
            self.queue.drop(batch, f"the city refused them: {refused}")
        else:
            batch.unlink()
            self.queue.keep(**{SENT: self.queue.state[SENT] + lines})
        if self.queue.state[UNTOLD]:
            self.queue.keep(**{LOSS: time.time(), UNTOLD: False})


def tell(file: Path, readings: dict[str, float]) -> None:
    """Write readings where the exporter reads them, whole or not at all."""
    rows = []
    for name, value in readings.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        rows += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} {kind}", f"{name} {value!r}"]
    part = file.with_suffix(".part")
    part.write_text("\n".join(rows) + "\n")
    part.replace(file)


def main(settings: Row) -> int:
    """Serve: look every so many seconds. A link that is down for days is one line."""
    queue = Queue(Path(settings["state"]), int(settings["mib"]) << 20)
    city = City(settings["platform"], Path(os.environ["CREDENTIALS_DIRECTORY"]))
    shipper, said = Shipper(Log(Path(settings["logs"]), settings["name"]), queue, city), ""
    while True:
        wrong = ""
        try:
            shipper.step()
        except OSError as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong != said:
            print(f"access log: {wrong or 'well again'}", file=sys.stderr, flush=True)
        said = wrong
        with contextlib.suppress(OSError):
            tell(Path(settings["metrics"]), queue.readings())
        time.sleep(settings["seconds"])


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
