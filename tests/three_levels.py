"""Shield, edge and school box on loopback from their generated files, with a store behind them and a gateway between, for tests."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt

from catalog import City, load_named, names
from derive import cache_pod, cache_tree, district_edge, keys, pinned, school_cache, shield, video_token
from derive.cache_tls import CacheTls
from derive.school_cache import SchoolCache
from derive.signing import Ring
from tests import caches
from tests.caches import Cache, Tree

CITY: City = load_named("tiny")
SCHOOL = CITY.schools[0]
SEED, DOMAIN, ISSUER = "s" * 32, "boxes.test", "https://platform.test"
CERTIFICATES = CacheTls(SEED, Ring())
LESSON = "l-" + "a" * 16
TLS = "/etc/huiju/tls"


class Store(http.server.ThreadingHTTPServer):
    """An object store of one bucket that counts what is read, and refuses whoever does not sign."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        self.read = Counter[str]()
        self.objects: dict[str, bytes] = {}
        self.ages: dict[str, int] = {}
        self.headers: list[object] = []
        super().__init__((address, 0), _StoreAnswer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class _StoreAnswer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_GET(self) -> None:
        self.server.read[self.path] += 1
        self.server.headers.append(dict(self.headers))
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")
        body = self.server.objects.get(self.path) if signed else None
        self.send_response(200 if body is not None else 404 if signed else 403)
        self.send_header("Cache-Control", f"public, max-age={self.server.ages.get(self.path, 600)}")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Behind:
    """Whom the gateway asks: where, under which name, and by which certificates it is known."""

    address: str
    port: int
    name: str
    known: str

    def line(self, shown: tuple[Path, Path] | None, name: str = "") -> http.client.HTTPSConnection:
        """A connection, with the certificate ``shown``; OSError where one side does not know the other. ``name`` instead of its own."""
        context = ssl.create_default_context(cadata=self.known)
        if shown:
            context.load_cert_chain(*shown)
        line = http.client.HTTPSConnection(self.address, self.port, timeout=10)
        plain = socket.create_connection((self.address, self.port), 10)
        line.sock = context.wrap_socket(plain, server_hostname=name or self.name)
        return line


class Gateway(http.server.ThreadingHTTPServer):
    """Stands for the schools' door: no answer without a school's certificate, and the host decides who is asked, by TLS."""

    daemon_threads = True

    def __init__(self, address: str, port: int, folder: Path, pair: dict[str, str], clients: str) -> None:
        self.behind: dict[str, Behind] = {}
        self.shown = written(folder, "gateway-client", CERTIFICATES.of_gateway())
        self.headers: list[object] = []
        super().__init__((address, port), _GatewayAnswer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*written(folder, "gateway", pair))
        context.load_verify_locations(cadata=clients)
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _GatewayAnswer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_GET(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        self.server.headers.append(dict(self.headers))
        try:
            to = self.server.behind[host].line(self.server.shown)
            to.request("GET", self.path, headers=dict(self.headers))
            answer = to.getresponse()
            status, body, headers = answer.status, answer.read(), dict(answer.headers)
        except (OSError, KeyError):
            # As Envoy does when nobody is behind a route.
            status, body, headers = 503, b"no healthy upstream", {}
        self.send_response(status)
        for name in ("Cache-Control", "Age", "Via"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


def written(folder: Path, name: str, pair: dict[str, str]) -> tuple[Path, Path]:
    """The pair as files."""
    files = folder / f"{name}.crt", folder / f"{name}.key"
    for file, entry in zip(files, ("tls.crt", "tls.key"), strict=True):
        file.write_text(pair[entry])
    return files


@dataclass
class City3:
    """Three levels that run, and what stands at both ends."""

    tree: Tree
    store: Store
    gateway: Gateway
    shields: list[Cache]
    edge: Cache
    box: Cache
    edge_host: str
    schools_host: str

    def play(self, path: str, token: str | None = None) -> tuple[int, bytes, str]:
        """Status, body and `Via` of what a classroom gets of the box."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        # From an address that is not the box's own loopback, which it does not write down.
        at = (self.box.address, 0)
        line = http.client.HTTPSConnection(
            self.box.address, self.box.port, context=context, timeout=30, source_address=at
        )
        cookie = {"Cookie": f"{video_token.COOKIE}={permission() if token is None else token}"}
        line.request("GET", path, headers={"Host": names.edge_host(SCHOOL.code, DOMAIN), **cookie})
        answer = line.getresponse()
        found = answer.status, answer.read(), answer.headers.get("Via", "")
        line.close()
        return found

    def put(self, name: str, body: bytes) -> str:
        """A new object of the lesson: its path."""
        path = f"/lessons/{LESSON}/{name}"
        self.store.objects[path] = body
        return path


def permission(epoch: int = 1, place: str = SCHOOL.code) -> str:
    """To play the lesson at ``place``, in the school where nothing is said, signed with the key of ``epoch``."""
    claims = video_token.claims(ISSUER, place, LESSON, int(time.time()) + 600)
    private = keys.pem(keys.private_key(SEED, keys.VIDEO, epoch))
    return jwt.encode(claims, private, keys.ALGORITHM, headers={"kid": keys.key_id(keys.VIDEO, epoch)})


def signing(tree: Tree) -> dict[str, dict[str, str]]:
    return {
        shield.SIGNING: {
            shield.SIGNING_FILE: shield.signing_file("shield", "x" * 40),
            "region.config": shield.region_file("us-east-1"),
        },
        cache_pod.TLS: CERTIFICATES.of_shield(cache_tree.edges(CITY)),
    }


@contextmanager
def running(folder: Path) -> Iterator[City3]:
    """The three levels, for as long as the body runs."""
    public = [keys.public_jwk(SEED, keys.VIDEO)]
    parts = cache_tree.shield_parts(2)
    edge_host, schools_host = cache_tree.parents(CITY, SCHOOL, DOMAIN)
    with caches.tree(folder) as tree:
        store = Store("127.0.0.1")
        tree.stack.callback(store.shutdown)
        files = shield.files(CITY, store.url, 1, video_token.configuration(ISSUER, video_token.CITY, public))
        shields = [
            tree.cache(f"shield-{number}", files, signing(tree), part, port=cache_pod.PORT)
            for number, part in enumerate(parts)
        ]
        tls = {cache_pod.TLS: CERTIFICATES.of_edge(SCHOOL.district)}
        edge = tree.cache(
            "edge", district_edge.files(CITY, parts, 1), tls, names.edge_namespace(SCHOOL.district), port=cache_pod.PORT
        )
        door = pinned.pair(SEED, "gateway", (schools_host, edge_host))
        mine = pinned.pair(SEED, "box", (names.edge_host(SCHOOL.code, DOMAIN),), pinned.CLIENT)
        address = tree.address(edge_host, schools_host)
        gateway = Gateway(address, tree.ports[caches.GATEWAY], folder, door, mine["tls.crt"])
        tree.stack.callback(gateway.shutdown)
        gateway.behind = {
            edge_host: Behind(
                edge.address, edge.port, cache_tree.edge_service(SCHOOL.district), CERTIFICATES.edge(SCHOOL.district)
            ),
            schools_host: Behind(shields[0].address, shields[0].port, cache_tree.shield_host(), CERTIFICATES.shield()),
        }
        config = SchoolCache(
            code=SCHOOL.code,
            domain=DOMAIN,
            edge=f"https://{edge_host}:{caches.GATEWAY}",
            platform=f"https://{schools_host}:{caches.GATEWAY}",
            segment_seconds=CITY.packaging.segment_seconds,
            cache_mib=64,
            networks=["127.0.0.0/8"],
            issuer=ISSUER,
            keys=public,
            tls=TLS,
        )
        own = {TLS: {"box.crt": mine["tls.crt"], "box.key": mine["tls.key"], "platform.crt": door["tls.crt"]}}
        box = tree.cache("box", school_cache.files(config), own, names.edge_host(SCHOOL.code, DOMAIN), port=443)
        for each in (*shields, edge, box):
            each.start()
        yield City3(tree, store, gateway, shields, edge, box, edge_host, schools_host)
