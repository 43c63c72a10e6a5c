"""ffmpeg for one run: bytes of the teacher's in, headers and fragments of every track out, each as soon as it is whole."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO, Final

from services.live import encode
from services.live.request import Request
from services.packager import fragments
from services.packager.ffmpeg import ENVIRONMENT
from services.packager.fragments import HEADER, Fragment

Sink = Callable[[str, "bytes | Fragment"], None]
"""Hears of each track its header first and then every fragment; it may block, but no longer than a segment lasts."""
PATIENCE: Final = 20
"""Seconds that ffmpeg has to write out what it holds when its input ends."""
SILENT_PATIENCE: Final = 3
"""The same where it makes silence itself, which has no end: then it is told to stop."""


def parts(stream: IO[bytes]) -> Iterator[bytes | Fragment]:
    """The header and the fragments of a fragmented MP4 that is being written; a last one that was cut short is left out."""
    header, moof, number = b"", b"", 0
    while len(head := stream.read(HEADER.size)) == HEADER.size:
        size, kind = HEADER.unpack(head)
        body = stream.read(size - HEADER.size)
        if len(body) < size - HEADER.size:
            return
        if kind in (b"ftyp", b"moov"):
            header += head + body
            if kind == b"moov":
                yield header
        elif kind == b"moof":
            moof = head + body
        elif kind == b"mdat" and moof:
            number += 1
            yield fragments.single(moof + head + body, number)
            moof = b""


class Encoder:
    """One ffmpeg; it ends when it is closed."""

    def __init__(self, request: Request, sink: Sink, *, sound: bool) -> None:
        pipes = {track: os.pipe() for track in request.tracks}
        self._patience = PATIENCE if sound else SILENT_PATIENCE
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the encoder
        words = encode.command(request, {track: out for track, (_, out) in pipes.items()}, sound=sound)
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=ENVIRONMENT,
            pass_fds=[out for _, out in pipes.values()],
        )
        for _, out in pipes.values():
            os.close(out)
        self._readers = [
            threading.Thread(target=_read, args=(track, at, sink), daemon=True) for track, (at, _) in pipes.items()
        ]
        for reader in self._readers:
            reader.start()

    def write(self, data: bytes) -> bool:
        """Hand in what came; False when ffmpeg does not take any more."""
        if self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            return False
        return True

    def close(self) -> str:
        """End, once everything is out; what ffmpeg complained of, in one line, or nothing."""
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._wait()
        for reader in self._readers:
            reader.join()
        with self._log as log:
            log.seek(0)
            said = log.read(10_000).strip().splitlines()
        return said[-1][:300] if said and self._process.returncode else ""

    def _wait(self) -> None:
        for stop in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(self._patience)
            except subprocess.TimeoutExpired:
                stop()
        self._process.wait()


def _read(track: str, pipe: int, sink: Sink) -> None:
    with os.fdopen(pipe, "rb") as stream:
        for part in parts(stream):
            sink(track, part)
        # Whatever is left is not understood: ffmpeg must not wait for a reader.
        while stream.read(1 << 16):
            pass
