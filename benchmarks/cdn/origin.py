"""The lab's store: serves what `material` makes of a path, counts what was read of it, and does wrong when it is told to.

``python -m benchmarks.cdn.origin ADDRESS PORT`` in the city's namespace. `/_counts` gives reads by path,
`/_fault?kind=...&match=...&seconds=...` sets one fault for the paths that hold ``match`` (`none` ends it), `/_reset` forgets all that.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from benchmarks.cdn import material
from services.live.window import LIFETIME
from services.packager.store import IMMUTABLE

PORT = 7070
TAG = 32
"""Characters of an entity tag."""
PACE_CHUNKS = 20
"""In so many pieces a slow file comes."""


class Fault(StrEnum):
    """How the store does wrong, or is merely slow."""

    NONE = "none"
    SLOW = "slow"
    """The body comes evenly over some seconds."""
    LATE = "late"
    """The head comes after some seconds."""
    CUT = "cut"
    """The connection ends in the middle of the body, which was announced whole."""
    RESET = "reset"
    """As `cut`, with a reset."""
    ERROR = "error"
    """503."""


@dataclass
class Store:
    """What it has done, and does wrong."""

    reads: Counter[str] = field(default_factory=Counter)
    fault: Fault = Fault.NONE
    match: str = ""
    seconds: float = 0

    def told(self, target: str) -> bytes:
        """Answer one of its own paths."""
        parts = urlsplit(target)
        words = {key: value[0] for key, value in parse_qs(parts.query).items()}
        if parts.path == "/_reset":
            self.reads.clear()
        if parts.path in {"/_reset", "/_fault"}:
            self.fault, self.match = Fault(words.get("kind", "none")), words.get("match", "")
            self.seconds = float(words.get("seconds", 0))
        return json.dumps(self.reads).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as it brings."""
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                while (await reader.readline()).strip():
                    pass
                if not await self._answer(method, target, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, writer: asyncio.StreamWriter) -> bool:
        """Answer; False ends the connection."""
        if target.startswith("/_"):
            writer.write(_head(200, self.told(target)) + self.told("/_counts"))
            return True
        self.reads[target] += 1
        fault = self.fault if self.match in target else Fault.NONE
        found = _file(target)
        if found is None or fault is Fault.ERROR:
            writer.write(_head(404 if found is None else 503, b"", ""))
            return True
        data, lifetime, tag = found
        if fault is Fault.LATE:
            await asyncio.sleep(self.seconds)
        head = _head(200, data, lifetime, tag)
        if method == "HEAD":
            writer.write(head)
            return True
        return await self._body(writer, head, data, fault)

    async def _body(self, writer: asyncio.StreamWriter, head: bytes, data: bytes, fault: Fault) -> bool:
        half = len(data) // 2
        if fault in {Fault.CUT, Fault.RESET}:
            writer.write(head + data[:half])
            await writer.drain()
            if fault is Fault.RESET:
                await asyncio.sleep(0.05)
                writer.transport.abort()
            return False
        writer.write(head)
        step = -(-len(data) // PACE_CHUNKS) if fault is Fault.SLOW else len(data)
        for start in range(0, len(data), step):
            if fault is Fault.SLOW:
                await asyncio.sleep(self.seconds / PACE_CHUNKS)
            writer.write(data[start : start + step])
            await writer.drain()
        return True


def _file(path: str) -> tuple[bytes, str, str] | None:
    """What is at the path now, for how long a cache may keep it, and its tag."""
    now = time.time()
    if text := material.playlist(path, now):
        return text.encode(), LIFETIME, material.digest(text.encode())[:TAG]
    size = material.size_of(path)
    if size is None or material.too_early(path, now):
        return None
    return material.body(path, size), IMMUTABLE, material.digest(path.encode())[:TAG]


def _head(status: int, data: bytes, lifetime: str = "no-store", tag: str = "") -> bytes:
    rows = [f"HTTP/1.1 {status} .", f"Content-Length: {len(data)}", "Content-Type: video/mp4"]
    rows += [f"Cache-Control: {lifetime}"] if lifetime else []
    rows += [f'ETag: "{tag}"'] if tag else []
    return "\r\n".join([*rows, "", ""]).encode()


async def main(address: str, port: int) -> None:
    """Serve until ended."""
    server = await asyncio.start_server(Store().serve, address, port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
