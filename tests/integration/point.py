"""A point of enforcement that is asked by itself: the gateway, or a service behind it; requests go out exactly as they are given."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops.lessons import place
from tests.integration.conftest import Platform


@dataclass
class Point:
    """Where it is asked; a connection is kept for as long as the other side keeps it."""

    name: str
    connect: Callable[[], http.client.HTTPConnection]
    host: str = "localhost"
    """A name that it answers to."""
    others: tuple[int, int] = (8081, 8082)
    """Ports of it that are for others, and open more: the shield's where nothing else is said."""
    link: http.client.HTTPConnection | None = field(default=None)

    def ask(self, method: str, path: str, headers: Mapping[str, str], sent: bytes = b"") -> tuple[int, bytes]:
        """Status and body; 0 where the connection is cut twice without an answer. ``headers`` hold the host."""
        for _ in range(2):
            self.link = self.link or self.connect()
            try:
                self.link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                for key, value in headers.items():
                    self.link.putheader(key, value)
                self.link.endheaders(sent or None)
                answer = self.link.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.link.close()
                self.link = None
        return 0, b""


def gateway(platform: Platform) -> Point:
    """The front door, its certificate checked."""
    address, context = urlsplit(platform.url), ssl.create_default_context(cafile=str(platform.authority))
    host, port = address.hostname or "", address.port
    return Point("gateway", lambda: http.client.HTTPSConnection(host, port, context=context, timeout=30))


@contextmanager
def behind(platform: Platform, service: str, name: str, port: int) -> Iterator[Point]:
    """The Service ``name`` of ``service`` past the gateway, for as long as the body runs."""
    where = place.of_stack(platform.stack)
    with ExitStack() as way:

        def connect() -> http.client.HTTPConnection:
            # Over a port of its own: kubectl gives a port up when the other side closes a connection first.
            way.close()
            address = way.enter_context(where.forwarded(service, name, port))
            return http.client.HTTPConnection("127.0.0.1", int(address.rpartition(":")[2]), timeout=30)

        yield Point(name, connect)
