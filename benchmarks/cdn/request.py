"""One request from inside a namespace: by TLS or not, all of its answer or how far it came, and when."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.cdn import network

BLOCK = 1 << 16


@dataclass(frozen=True)
class Place:
    """Where a client asks: from which namespace, which address and port, under which name."""

    space: str
    address: str
    port: int
    host: str
    tls: bool = False


@dataclass
class Answer:
    """What came. Times are of the monotonic clock, in seconds."""

    status: int = 0
    """0: no answer."""
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    whole: bool = False
    """Every byte that was announced came."""
    began: float = 0
    first: float = 0
    """The answer's head was there."""
    ended: float = 0
    error: str = ""


def trusting() -> ssl.SSLContext:
    """Clients of the lab take any certificate: whose it is is proven elsewhere (tests/integration/test_school_edge.py)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


_TRUSTING = trusting()


class Connection:
    """A client's connection, opened when it is needed and kept while both sides want it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", seconds: float = 60
    ) -> Answer:
        """Ask once; no answer in time, or none at all, is an answer with its error."""
        answer = Answer(began=time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                await self._exchange(answer, path, headers or {}, method)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            answer.error = f"{type(error).__name__}: {error}"
        answer.ended = time.monotonic()
        if not answer.whole or answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def open(self) -> None:
        """Be connected, so that a request goes out at once."""
        await self._open()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams and not self._streams[0].at_eof():
            return self._streams
        self.close()
        plug = network.plug(self.place.space)
        plug.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(plug, (self.place.address, self.place.port))
        except BaseException:
            plug.close()
            raise
        tls = {"ssl": _TRUSTING, "server_hostname": self.place.host} if self.place.tls else {}
        self._streams = await asyncio.open_connection(sock=plug, limit=BLOCK, **tls)  # type: ignore[arg-type]
        return self._streams

    async def _exchange(self, answer: Answer, path: str, headers: Mapping[str, str], method: str) -> None:
        reader, writer = await self._open()
        rows = [f"{method} {path} HTTP/1.1", f"Host: {self.place.host}"]
        rows += [f"{key}: {value}" for key, value in headers.items()]
        writer.write("\r\n".join([*rows, "", ""]).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        answer.first, answer.status = time.monotonic(), int(head[0].split(" ")[1])
        for row in head[1:]:
            key, colon, value = row.partition(":")
            if colon:
                answer.headers[key.lower()] = value.strip()
        await self._body(reader, answer, method)

    async def _body(self, reader: asyncio.StreamReader, answer: Answer, method: str) -> None:
        size = int(answer.headers.get("content-length", 0)) if method != "HEAD" else 0
        if answer.headers.get("transfer-encoding") == "chunked" and method != "HEAD":
            answer.data, answer.whole = await _chunks(reader), True
            return
        blocks, missing = [], size
        try:
            while missing:
                block = await reader.read(min(missing, BLOCK))
                if not block:
                    raise EOFError(f"{missing} bytes of {size} did not come")
                blocks.append(block)
                missing -= len(block)
        finally:
            answer.data = b"".join(blocks)
        answer.whole = True


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        found.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(found)


def ask(place: Place, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
    """One request on a connection of its own, waited for."""

    async def once() -> Answer:
        connection = Connection(place)
        answer = await connection.get(path, headers, method)
        connection.close()
        return answer

    return asyncio.run(once())
