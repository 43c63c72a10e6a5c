"""The origin of a benchmark: segments of one size, each with bytes of its own, and a count of what was asked."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


def body(path: str, size: int) -> bytes:
    """``size`` bytes that no other path has."""
    seed = hashlib.sha256(path.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


@dataclass
class Origin:
    """Its port, and how often each path was read."""

    port: int = 0
    reads: Counter[str] = field(default_factory=Counter)


@contextmanager
def serving(size: int) -> Iterator[Origin]:
    """An origin on loopback for as long as the body runs."""
    origin = Origin()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.reads[self.path] += 1
            content = body(self.path, size)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "public, max-age=31536000, immutable")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the counter says it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield origin
        server.shutdown()
