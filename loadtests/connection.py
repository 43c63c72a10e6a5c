"""Connections as a browser makes them: one pool per person, TLS verified, to the address that leads to the platform.

The pool differs from Locust's own in four cheap ways: one TLS context per process instead of one per person (reading the list of
authorities takes longer than a sign-in), large reads, since a segment has megabytes, no waiting for acknowledgements, and a host name
that may differ from the address.
"""

from __future__ import annotations

import socket
import ssl
from functools import cache

import gevent.ssl
from geventhttpclient.client import HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.header import Headers

READ = 64 * 1024
"""Bytes per read; the library's 4 KiB make a segment of 2 MB five hundred reads."""
TIMEOUT = 30.0
"""Seconds without an answer after which a browser's user has long given up."""
CONNECTIONS = 6
"""Connections that a browser opens to one host over HTTP/1.1."""


def _at_once(_: ConnectionPool, connection: socket.socket) -> None:
    """Send what is there, as browsers do; else the first request waits 40 ms for the other side's acknowledgement of the handshake."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


ConnectionPool.after_connect = _at_once  # type: ignore[assignment, method-assign]  # the library's hook; a pool's class cannot be chosen


@cache
def tls(authority: str) -> ssl.SSLContext:
    """The one TLS context of the process, trusting the system's authorities and ``authority`` (PEM)."""
    context: ssl.SSLContext = gevent.ssl.create_default_context()
    if authority:
        context.load_verify_locations(cadata=authority)
        # A chain of one's own need not hold its root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def pool(host: str, authority: str) -> HTTPClientPool:
    """A person's connections, which greet the platform as ``host`` whatever address they go to."""

    def context(cafile: str | None = None) -> ssl.SSLContext:
        del cafile
        return tls(authority)

    return HTTPClientPool(
        headers=Headers({"Host": host}), ssl_context_factory=context, concurrency=CONNECTIONS, block_size=READ,
        network_timeout=TIMEOUT, connection_timeout=TIMEOUT,
    )  # fmt: skip
