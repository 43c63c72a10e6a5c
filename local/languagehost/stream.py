"""A child process whose two output streams arrive interleaved, as they are written."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import IO

CHUNK_BYTES = 64 * 1024


def start(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start ``command`` with both streams piped; it may be killed at any time, :func:`chunks` then ends."""
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def chunks(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Pairs of stream name and bytes until both streams are closed."""
    queue: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=_pump, args=(name, stream, queue), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        name, data = queue.get()
        if data:
            yield name, data
        else:
            open_streams -= 1


def _pump(name: str, stream: IO[bytes], queue: SimpleQueue[tuple[str, bytes]]) -> None:
    while data := os.read(stream.fileno(), CHUNK_BYTES):
        queue.put((name, data))
    queue.put((name, b""))
