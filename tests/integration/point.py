"""A point of enforcement that is asked by itself: the gateway, or a service behind it; requests go out exactly as they are given."""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from catalog import names
from derive import cache_tree, shield
from derive.cache_tls import CacheTls
from ops.lessons import place
from ops.stack import configuration, renewal
from tests.integration.conftest import Platform


@dataclass
class Point:
    """Where it is asked; a connection is kept for as long as the other side keeps it."""

    name: str
    connect: Callable[[], http.client.HTTPConnection]
    host: str = "localhost"
    """A name that it answers to."""
    others: tuple[int, int] = (8443, 8082)
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


class ToShield(http.client.HTTPSConnection):
    """A connection to a forwarded port of the shield, which stands in its certificate under its own name."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(urlsplit(address).netloc, context=context, timeout=30)
        self.trusting = context

    def connect(self) -> None:
        """Open it. OSError where one side does not know the other."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = self.trusting.wrap_socket(plain, server_hostname=cache_tree.shield_host())


def as_gateway(platform: Platform) -> ssl.SSLContext:
    """What the gateway shows to caches, and takes for the shield, just now (tests renew the keys)."""
    tls = CacheTls(configuration.read_secrets(platform.stack)["accessKey"], renewal.ring(platform.stack))
    context = ssl.create_default_context(cadata=tls.shield())
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
        chain.write("".join(tls.of_gateway().values()))
        chain.flush()
        context.load_cert_chain(chain.name)
    return context


def _plainly(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)


@contextmanager
def behind(
    platform: Platform,
    service: str,
    name: str,
    port: int,
    opened: Callable[[str], http.client.HTTPConnection] = _plainly,
) -> Iterator[Point]:
    """The Service ``name`` of ``service`` past the gateway, for as long as the body runs; ``opened`` makes a connection to an address."""
    where = place.of_stack(platform.stack)
    with ExitStack() as way:

        def connect() -> http.client.HTTPConnection:
            # Over a port of its own: kubectl gives a port up when the other side closes a connection first.
            way.close()
            return opened(way.enter_context(where.forwarded(service, name, port)))

        yield Point(name, connect)


def shield_itself(platform: Platform) -> AbstractContextManager[Point]:
    """The shield's port for viewers past the gateway, and in its place."""
    opened = partial(ToShield, context=as_gateway(platform))
    return behind(platform, names.VIDEO_LIBRARY, names.SHIELD, shield.VIEWERS_PORT, opened)
