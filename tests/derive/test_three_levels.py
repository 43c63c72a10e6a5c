"""Shield, edge and school box on loopback, from their generated files: what passes, who is let in, and who stands in for whom."""

from __future__ import annotations

import http.client
import http.server
import itertools
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jwt
import pytest

from catalog import City, load_named, names
from derive import (
    access_log,
    box_log,
    cache_pod,
    cache_tls,
    cache_tree,
    district_edge,
    keys,
    pinned,
    school_cache,
    shield,
    video_token,
)
from derive.permission import name as permission_name
from derive.school_cache import SchoolCache
from local import paths
from tests import caches, waiting
from tests.caches import Cache, Tree
from tests.playbooks.test_modules import module_of

CITY: City = load_named("tiny")
SCHOOL = CITY.schools[0]
SEED, DOMAIN, ISSUER = "s" * 32, "boxes.test", "https://platform.test"
LESSON = "l-" + "a" * 16
TLS = "/etc/huiju/tls"

until = partial(waiting.until, seconds=20, pause=0.2)


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


class Gateway(http.server.ThreadingHTTPServer):
    """Stands for the schools' door: no answer without a school's certificate, and the host decides who is asked."""

    daemon_threads = True

    def __init__(self, address: str, port: int, folder: Path, pair: dict[str, str], clients: str) -> None:
        self.behind: dict[str, tuple[str, int]] = {}
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
            to = http.client.HTTPConnection(*self.server.behind[host], timeout=10)
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


def permission(epoch: int = 1) -> str:
    """To play the lesson in the school, signed with the key of ``epoch``."""
    claims = video_token.claims(ISSUER, SCHOOL.code, LESSON, int(time.time()) + 600)
    private = keys.pem(keys.private_key(SEED, keys.VIDEO, epoch))
    return jwt.encode(claims, private, keys.ALGORITHM, headers={"kid": keys.key_id(keys.VIDEO, epoch)})


def signing(tree: Tree) -> dict[str, dict[str, str]]:
    return {
        shield.SIGNING: {
            shield.SIGNING_FILE: shield.signing_file("shield", "x" * 40),
            "region.config": shield.region_file("us-east-1"),
        },
        cache_pod.TLS: cache_tls.of_shield(SEED, cache_tree.edges(CITY)),
    }


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City3]:
    folder = tmp_path_factory.mktemp("levels")
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
        tls = {cache_pod.TLS: cache_tls.of_edge(SEED, SCHOOL.district)}
        edge = tree.cache(
            "edge", district_edge.files(CITY, parts, 1), tls, names.edge_namespace(SCHOOL.district), port=cache_pod.PORT
        )
        door = pinned.pair(SEED, "gateway", (schools_host, edge_host))
        mine = pinned.pair(SEED, "box", (names.edge_host(SCHOOL.code, DOMAIN),), pinned.CLIENT)
        address = tree.address(edge_host, schools_host)
        gateway = Gateway(address, tree.ports[caches.GATEWAY], folder, door, mine["tls.crt"])
        tree.stack.callback(gateway.shutdown)
        gateway.behind = {
            edge_host: (edge.address, edge.port),
            schools_host: (shields[0].address, tree.ports[shield.SCHOOLS_PORT]),
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


def through(via: str) -> list[str]:
    """The caches of a `Via` header, the one nearest to the store first."""
    return re.findall(r"[(](shield|edge|[0-9]{10}) ", via)


def test_traffic_server_accepts_what_every_level_is_given(city: City3) -> None:
    for cache in (*city.shields, city.edge, city.box):
        assert cache.complaint() == ""


# Before the others: counters come late, and those of other tests' questions would be among them.
def test_what_the_box_counts_and_writes_down_are_the_classrooms_questions(city: City3) -> None:
    probe = module_of(paths.ROOT / "playbooks" / "roles" / "school_box" / "files" / "lesson_probe.py")

    def counted() -> dict[str, float]:
        address = f"http://127.0.0.1:{city.tree.ports[school_cache.LOCAL_PORT]}{school_cache.STATS}"
        return dict(probe.cache(address))

    before, path = counted(), city.put("counted.m4s", bytes(100_000))
    shown = [permission() for _ in range(3)]
    for each in shown:
        city.play(path, each)
    had = 'trafficserver_requests_total{had="yes"}'
    until(lambda: counted()[had] - before[had] == 2)
    after = counted()
    grown = {key: after[key] - before[key] for key in before}
    assert grown['trafficserver_requests_total{had="no"}'] == 1
    # And the answers to these very questions of the box's.
    assert grown['trafficserver_bytes_total{side="served"}'] > 295_000
    assert 100_000 <= grown['trafficserver_bytes_total{side="fetched"}'] < 102_000, "with its header"
    log = city.box.folder / "logs" / f"{school_cache.LOG}.log"
    until(lambda: log.exists() and log.read_text().count(escaped(path)) >= 3)
    lines = [line for line in log.read_text().splitlines() if escaped(path) in line]
    answers = [access_log.parse(box_log.kept(line.encode(), SCHOOL.code) or "") for line in lines]
    assert [each and (each.place, each.path, each.status, each.school) for each in answers] == [
        (access_log.BOX, path, 200, SCHOOL.code)
    ] * 3
    assert {each and each.permission for each in answers} == set(map(permission_name, shown)), "and whose they were"
    assert all(each and each.address == city.box.address and each.policy for each in answers)


def test_an_object_passes_through_three_levels_and_is_read_once(city: City3) -> None:
    path = city.put("first.m4s", b"a segment" * 1000)
    status, body, via = city.play(path)
    assert (status, body, through(via)) == (200, b"a segment" * 1000, ["shield", "edge", SCHOOL.code])
    assert city.play(path)[:2] == (200, b"a segment" * 1000)
    assert city.store.read[path] == 1


def test_a_crowd_in_front_of_a_cold_tree_reads_the_store_once(city: City3) -> None:
    path = city.put("crowd.m4s", bytes(500_000))
    with ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(lambda _: city.play(path)[:2], range(40)))
    assert answers == [(200, bytes(500_000))] * 40
    assert city.store.read[path] == 1


def test_every_part_of_the_shield_keeps_lessons_of_its_own(city: City3) -> None:
    paths = [city.put(f"part-{number}.m4s", b"p") for number in range(25)]
    city.store.ages.update(dict.fromkeys(paths, 1))
    for _ in range(2):
        for path in paths:
            city.play(path)
        # Asked again when the copies have aged: of the same part.
        time.sleep(2)
    until(lambda: all(path in "".join(each.output() for each in city.shields) for path in map(escaped, paths)))
    held = [{path for path in paths if escaped(path) in each.output()} for each in city.shields]
    assert held[0] and held[1]
    assert not held[0] & held[1]
    assert held[0] | held[1] == set(paths)


def escaped(path: str) -> str:
    """As the access log prints it."""
    return path.replace("/", "\\/")


def test_a_part_of_the_shield_that_dies_is_stood_in_for_by_the_other(city: City3) -> None:
    city.shields[1].stop()
    try:
        paths = [city.put(f"one-part-{number}.m4s", b"p") for number in range(12)]
        assert [city.play(path)[0] for path in paths] == [200] * 12
    finally:
        city.shields[1].start()


def test_the_shield_stands_in_for_an_edge_that_is_down_and_the_edge_is_used_again(city: City3) -> None:
    city.edge.stop()
    try:
        path = city.put("no-edge.m4s", b"n")
        status, body, via = city.play(path)
        assert (status, body, through(via)) == (200, b"n", ["shield", SCHOOL.code])
    finally:
        city.edge.start()
    numbers = itertools.count()
    until(lambda: "edge" in through(city.play(city.put(f"edge-again-{next(numbers)}.m4s", b"e"))[2]))


def test_a_box_that_is_cut_off_plays_what_it_holds_also_past_its_age(city: City3) -> None:
    path = city.put("live.m3u8", b"#EXTM3U")
    city.store.ages[path] = 1
    assert city.play(path)[:2] == (200, b"#EXTM3U")
    behind, city.gateway.behind = city.gateway.behind, {}
    try:
        time.sleep(2)
        assert city.play(path)[:2] == (200, b"#EXTM3U")
        assert city.play(city.put("never-seen.m4s", b"x"))[0] in {502, 503}
    finally:
        city.gateway.behind = behind
    until(lambda: city.play(city.put(f"back-{time.monotonic_ns()}.m4s", b"b"))[0] == 200)


def test_what_is_not_there_is_asked_for_once_in_a_while(city: City3) -> None:
    path = f"/lessons/{LESSON}/none.m4s"
    assert [city.play(path)[0] for _ in range(5)] == [404] * 5
    assert city.store.read[path] == 1


def test_a_token_goes_no_further_than_the_box(city: City3) -> None:
    path = city.put("token.m4s", b"t")
    city.play(path)
    assert not [each for each in city.gateway.headers if video_token.COOKIE in str(each)]
    assert not [each for each in city.store.headers if video_token.COOKIE in str(each)]


@pytest.mark.parametrize("token", ["", "x.y.z"])
def test_without_a_permission_of_the_school_the_box_gives_nothing_warm_or_cold(city: City3, token: str) -> None:
    warm, cold = city.put("warm.m4s", b"w"), city.put("cold.m4s", b"c")
    assert city.play(warm)[0] == 200
    assert [city.play(path, token)[0] for path in (warm, cold)] == [403, 403]
    assert city.store.read[cold] == 0


def stranger() -> dict[str, str]:
    return pinned.pair("another seed", "caches/edge-east", ("edge-east",), pinned.CLIENT)


@pytest.mark.parametrize(
    ("who", "answered"),
    [
        (lambda: None, False),
        (stranger, False),
        # Of the stack, but for another purpose.
        (lambda: pinned.pair(SEED, "box", ("x",), pinned.CLIENT), False),
        (lambda: cache_tls.of_edge(SEED, CITY.districts[1].id), True),
    ],
)
def test_the_shield_answers_edges_and_nobody_else(
    city: City3, tmp_path: Path, who: Callable[[], dict[str, str] | None], answered: bool
) -> None:
    path = city.put("shut.m4s", b"s")
    context = ssl.create_default_context(cadata=cache_tls.of_edge(SEED, SCHOOL.district)[cache_pod.TRUSTED])
    if pair := who():
        context.load_cert_chain(*written(tmp_path, "client", pair))
    with socket.create_connection((city.shields[0].address, city.tree.ports[shield.EDGES_PORT]), 10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=cache_tree.shield_host()) as line:
                line.sendall(f"GET {path} HTTP/1.1\r\nHost: {cache_tree.shield_host()}\r\n\r\n".encode())
                said = line.recv(4096)
        except OSError:
            said = b""
    assert said.startswith(b"HTTP/1.1 200 ") if answered else said == b""


def test_an_edge_asks_nobody_but_the_shield_it_knows(city: City3) -> None:
    """A server that says it is the shield, with a certificate of its own, gets no question."""
    files = district_edge.files(CITY, cache_tree.shield_parts(2), 1)
    wrong = {**cache_tls.of_edge(SEED, SCHOOL.district), cache_pod.TRUSTED: stranger()["tls.crt"]}
    edge = city.tree.cache("doubtful", files, {cache_pod.TLS: wrong}, "doubtful", port=cache_pod.PORT)
    edge.start()
    line = http.client.HTTPConnection(edge.address, edge.port, timeout=30)
    path = city.put("doubt.m4s", b"d")
    line.request("GET", path, headers={"Host": city.edge_host})
    assert line.getresponse().status == 502
    assert city.store.read[path] == 0


def test_the_edge_gives_figures_on_a_port_without_lessons(city: City3) -> None:
    path = city.put("figures.m4s", b"f")
    city.play(path)
    for port, found in ((cache_pod.PORT, [200, 200]), (district_edge.FIGURES_PORT, [200, 404])):
        statuses = []
        for asked in (cache_pod.STATS, path):
            line = http.client.HTTPConnection(city.edge.address, city.tree.ports[port], timeout=10)
            line.request("GET", asked, headers={"Host": f"x:{city.tree.ports[cache_pod.PORT]}"})
            statuses.append(line.getresponse().status)
        assert statuses == found


@pytest.mark.parametrize(("offered", "spoken"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_the_box_speaks_http_2_with_whoever_offers_it(city: City3, offered: list[str], spoken: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(offered)
    with (
        socket.create_connection((city.box.address, city.box.port), 10) as plain,
        context.wrap_socket(plain, server_hostname=names.edge_host(SCHOOL.code, DOMAIN)) as line,
    ):
        assert line.selected_alpn_protocol() == spoken


# Last, since it starts the box anew: what it holds in memory is gone.
def test_a_box_takes_both_keys_while_one_follows_the_other_and_then_only_the_new_one(city: City3) -> None:
    path, file = city.put("rotated.m4s", b"r"), city.box.folder / "etc" / video_token.FILE
    before = file.read_text()

    def answers(*epochs: int) -> list[int]:
        """To tokens of the first and of the second key, of a box that has the keys of ``epochs``."""
        public = [keys.public_jwk(SEED, keys.VIDEO, epoch) for epoch in epochs]
        file.write_text(video_token.configuration(ISSUER, SCHOOL.code, public))
        city.box.stop()
        city.box.start()
        return [city.play(path, permission(epoch))[0] for epoch in (1, 2)]

    try:
        assert answers(1) == [200, 403]
        assert answers(2, 1) == [200, 200]
        assert answers(2) == [403, 200]
    finally:
        file.write_text(before)
        city.box.stop()
        city.box.start()
