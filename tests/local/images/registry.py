"""A container registry of fifty lines for tests: keeps what is pushed in memory, on a loopback port of its own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit


class Registry(BaseHTTPRequestHandler):
    """The part of the distribution protocol that a push uses."""

    protocol_version = "HTTP/1.1"
    blobs: ClassVar[dict[str, bytes]]
    manifests: ClassVar[dict[str, bytes]]

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        """The version check, and reading back."""
        if self.path == "/v2/":
            return self._answer(200)
        content = {**self.blobs, **self.manifests}.get(self.path.rpartition("/")[2])
        return self._answer(200 if content is not None else 404, content or b"")

    def do_HEAD(self) -> None:
        """The same without the content."""
        self.do_GET()

    def do_POST(self) -> None:
        """An upload begins."""
        self._answer(202, Location=f"{self.path}upload")

    def do_PATCH(self) -> None:
        """The bytes of an upload."""
        self.server.pending = self._body()  # type: ignore[attr-defined]
        self._answer(202, Location=self.path)

    def do_PUT(self) -> None:
        """An upload ends, or a manifest arrives."""
        content = self._body()
        if "/manifests/" in self.path:
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.manifests[urlsplit(self.path).path.removeprefix("/v2/")] = content
            return self._answer(201, Docker_Content_Digest=digest)
        (digest,) = parse_qs(urlsplit(self.path).query)["digest"]
        self.blobs[digest] = content or self.server.pending  # type: ignore[attr-defined]
        return self._answer(201, Docker_Content_Digest=digest)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


@contextmanager
def running() -> Iterator[tuple[str, type[Registry]]]:
    """``host:port`` of a registry, and what it holds."""

    class Own(Registry):
        blobs: ClassVar[dict[str, bytes]] = {}
        manifests: ClassVar[dict[str, bytes]] = {}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", Own
    finally:
        server.shutdown()
        server.server_close()
