"""A server of a test's own on loopback, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POLL_SECONDS = 0.02
"""How often it looks whether it is to end."""


class Quiet:
    """Of a request handler that keeps connections, sends head and body in one write, and prints nothing. Goes before the handler's class.

    In two writes the second waits 40 ms for the first one's acknowledgement.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Where requests are answered by ``handler`` until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
