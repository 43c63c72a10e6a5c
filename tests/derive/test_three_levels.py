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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import jwt
import pytest

from catalog import City, load_named, names
from derive import (
    access_log,
    box_log,
    cache_pod,
    cache_tree,
    district_edge,
    keys,
    pinned,
    purging,
    school_cache,
    shield,
    video_token,
)
from derive.cache_tls import CacheTls
from derive.permission import name as permission_name
from derive.school_cache import SchoolCache
from derive.signing import Ring
from local import paths
from tests import caches, waiting
from tests.caches import Cache, Tree
from tests.playbooks.test_modules import module_of

CITY: City = load_named("tiny")
SCHOOL = CITY.schools[0]
SEED, DOMAIN, ISSUER = "s" * 32, "boxes.test", "https://platform.test"
CERTIFICATES = CacheTls(SEED, Ring())
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


Who = Callable[[], dict[str, str] | None]
NOBODY: dict[str, Who] = {
    "no certificate": lambda: None,
    "another stack": stranger,
    "of the stack, but for another purpose": lambda: pinned.pair(SEED, "box", ("x",), pinned.CLIENT),
    "what the shield shows": lambda: CERTIFICATES.of_shield(()),
    "the gateway's of an epoch that is neither accepted nor the next": lambda: CacheTls(SEED, Ring(3)).of_gateway(),
}
GATEWAY: Who = CERTIFICATES.of_gateway


def other_edge() -> dict[str, str]:
    return CERTIFICATES.of_edge(CITY.districts[1].id)


def asked(behind: Behind, path: str, folder: Path, who: Who, **headers: str) -> int:
    """Status of what ``who`` is answered; 0 where nothing is."""
    pair = who()
    try:
        line = behind.line(written(folder, "client", pair) if pair else None)
        line.request("GET", path, headers={"Host": DOMAIN, **headers})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


@pytest.mark.parametrize("who", [*NOBODY.values(), other_edge, GATEWAY], ids=[*NOBODY, "an edge", "the gateway"])
@pytest.mark.parametrize("door", ["edge", "shield", "viewers"])
def test_a_cache_answers_the_gateway_and_the_shield_edges_too_and_nobody_else(
    city: City3, tmp_path: Path, door: str, who: Who
) -> None:
    """Whatever they ask: a refused hand-shake has no status. What viewers may have besides is a matter of their tokens."""
    path, behind = city.put("shut.m4s", b"s"), city.gateway.behind[city.schools_host]
    if door == "edge":
        behind = city.gateway.behind[city.edge_host]
    if door == "viewers":
        behind = replace(behind, port=city.tree.ports[shield.VIEWERS_PORT])
    known = who in {GATEWAY, other_edge} if door != "edge" else who == GATEWAY
    assert asked(behind, path, tmp_path, who) == (0 if not known else 403 if door == "viewers" else 200)
    cookie = f"{video_token.COOKIE}={permission(place=video_token.CITY)}"
    assert asked(behind, path, tmp_path, who, Cookie=cookie) == (200 if known else 0)


@pytest.mark.parametrize("door", [cache_pod.PORT, shield.VIEWERS_PORT, cache_pod.FIGURES_PORT])
def test_nothing_but_figures_comes_without_tls(city: City3, door: int) -> None:
    path = city.put("clear.m4s", b"c")
    for cache in (*city.shields, city.edge):
        if cache is city.edge and door == shield.VIEWERS_PORT:
            continue
        found = {each: plainly(cache.address, city.tree.ports[door], each) for each in (cache_pod.HEALTH, path)}
        assert found == (
            {cache_pod.HEALTH: 200, path: 404} if door == cache_pod.FIGURES_PORT else dict.fromkeys(found, 0)
        )


def test_who_stands_on_a_pod_s_loopback_has_a_lesson_fetched_without_token_and_certificate(city: City3) -> None:
    """`huiju cdn warm`: the store answers nobody whose question is not signed, and the shield no edge without its certificate."""
    for cache in (city.shields[0], city.edge):
        path = city.put(f"warmed-{cache.name}.m4s", b"w")
        assert plainly(cache.address, city.tree.ports[purging.PORT], path) == 200
        assert city.store.read[path] == 1


def plainly(address: str, port: int, path: str) -> int:
    """Status of what is asked in the clear, whatever port the question names; 0 where there is no answer."""
    line = http.client.HTTPConnection(address, port, timeout=10)
    try:
        line.request("GET", path, headers={"Host": f"x:{cache_pod.PORT}"})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def test_a_cache_that_the_gateway_does_not_know_is_not_asked(city: City3, tmp_path: Path) -> None:
    """Neither the shield in an edge's place, nor one edge in another's."""
    edge, shields = city.gateway.behind[city.edge_host], city.gateway.behind[city.schools_host]
    shown = written(tmp_path, "client", GATEWAY() or {})
    for wrong in (replace(edge, known=shields.known), replace(edge, known=CERTIFICATES.edge(CITY.districts[1].id))):
        with pytest.raises(ssl.SSLCertVerificationError):
            wrong.line(shown)
    with pytest.raises(ssl.SSLCertVerificationError):
        edge.line(shown, name=shields.name)


def test_a_second_question_costs_no_second_hand_shake_and_a_second_connection_no_whole_one(
    city: City3, tmp_path: Path
) -> None:
    """The gateway keeps connections, and takes up the session of one that has ended."""
    path, behind = city.put("kept.m4s", b"k"), city.gateway.behind[city.edge_host]
    line = behind.line(written(tmp_path, "client", GATEWAY() or {}))
    for _ in range(3):
        line.request("GET", path, headers={"Host": city.edge_host})
        answer = line.getresponse()
        assert (answer.status, answer.read(), line.sock is None) == (200, b"k", False)
    assert isinstance(line.sock, ssl.SSLSocket)
    session, context = line.sock.session, line.sock.context
    with (
        socket.create_connection((behind.address, behind.port), 10) as plain,
        context.wrap_socket(plain, server_hostname=behind.name, session=session) as again,
    ):
        again.do_handshake()
        assert again.session_reused


@pytest.mark.parametrize("steps", [("1", "1,2"), ("1,2", "2,1"), ("2,1", "2")])
def test_at_each_step_of_new_keys_who_has_taken_it_and_who_has_not_know_each_other(
    city: City3, tmp_path: Path, steps: tuple[str, str]
) -> None:
    """Also in the order in which nobody should take them."""
    path = city.put("renewed.m4s", b"r")
    rings = [CacheTls(SEED, Ring.parse(each)) for each in steps]
    for cache, gateway in (rings, reversed(rings)):
        files = district_edge.files(CITY, cache_tree.shield_parts(2), 1)
        name = f"renewed-{cache.ring}-{gateway.ring}".replace(",", "-")
        # It asks the shield of the tree by what that knows; whom it answers is what is looked at.
        own = CERTIFICATES.of_edge(SCHOOL.district)
        new = {key: text for key, text in cache.of_edge(SCHOOL.district).items() if key not in {"tls.crt", "tls.key"}}
        tls = {**own, **new, cache_pod.TRUSTED: own[cache_pod.TRUSTED]}
        edge = city.tree.cache(name, files, {cache_pod.TLS: tls}, name, port=cache_pod.PORT)
        edge.start()
        behind = Behind(
            edge.address, edge.port, cache_tree.edge_service(SCHOOL.district), gateway.edge(SCHOOL.district)
        )
        assert asked(behind, path, tmp_path, gateway.of_gateway) == 200
        edge.stop()


def test_an_edge_asks_nobody_but_the_shield_it_knows(city: City3, tmp_path: Path) -> None:
    """A server that says it is the shield, with a certificate of its own, gets no question."""
    files = district_edge.files(CITY, cache_tree.shield_parts(2), 1)
    wrong = {**CERTIFICATES.of_edge(SCHOOL.district), cache_pod.TRUSTED: stranger()["tls.crt"]}
    edge = city.tree.cache("doubtful", files, {cache_pod.TLS: wrong}, "doubtful", port=cache_pod.PORT)
    edge.start()
    path = city.put("doubt.m4s", b"d")
    behind = replace(city.gateway.behind[city.edge_host], address=edge.address)
    assert asked(behind, path, tmp_path, GATEWAY) == 502
    assert city.store.read[path] == 0


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
