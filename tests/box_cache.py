"""A school's box and its platform on loopback: the box's real Traffic Server with the role's own files, and a store behind mutual TLS."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

from benchmarks.caching.plain import plain
from catalog import load_named, names
from derive import cache_pod, keys, pinned, purging, school_cache, shield, traffic_server, video_token
from derive.school_cache import SchoolCache
from local.ports import free_port
from services.packager.store import IMMUTABLE, INDEX, MASTER
from tests.caches import Names
from tests.loopback import Quiet
from tests.traffic_server import clock

CODE, DOMAIN, ISSUER, SEED = "0000000001", "example.test", "https://example.test", "s" * 32
HOST = f"{CODE}.edge.{DOMAIN}"
LESSON, OTHER = "l-" + "a" * 16, "l-" + "b" * 16
Claims = Callable[[str, str, str, int], dict[str, Any]]
NAMED = "platform.example.test"
"""Of an address Traffic Server would ask a name server for the name, since `parent.config` goes by names."""
MIB = 64
"""Of the box's cache."""
ELSEWHERE = "127.0.0.2"
"""An address that is not the box's own loopback one, as far as its rules go."""
_WAITS = ("proxy.config.http.connect_attempts_timeout", "proxy.config.http.transaction_no_activity_timeout_out")
_ANYONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Takes any certificate. Made once: to read the machine's authorities for each request costs 40 ms of the processor."""
_ANYONE.check_hostname, _ANYONE.verify_mode = False, ssl.CERT_NONE


def certificates(folder: Path, address: str = "127.0.0.1") -> None:
    """One authority: the box's certificate and the platform's, which is at ``address``, both signed by it."""
    folder.mkdir(parents=True, exist_ok=True)
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    authority = (str(folder / "platform.crt"), str(folder / "platform.key"))
    _openssl("req", "-x509", *new, "-subj", "/CN=authority", "-keyout", authority[1], "-out", authority[0])
    for name, host in (("box", f"DNS:{CODE}"), ("server", f"IP:{address},DNS:{NAMED}")):
        signed = ("-CA", authority[0], "-CAkey", authority[1], "-addext", f"subjectAltName={host}")
        files = ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"))
        _openssl(
            "req",
            "-x509",
            *new,
            "-subj",
            f"/CN={name}",
            *signed,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            *files,
        )


def lasting(folder: Path, host: str) -> None:
    """The same files for the box ``host``, of the kit's own kind, each trusted for itself: a clock that is a year off takes them too."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = {"box": pinned.pair(SEED, "box", (host,), pinned.CLIENT), "server": pinned.pair(SEED, "server", (NAMED,))}
    for name, pair in pairs.items():
        for entry in ("crt", "key"):
            (folder / f"{name}.{entry}").write_text(pair[f"tls.{entry}"])
    (folder / "platform.crt").write_text("".join(pair["tls.crt"] for pair in pairs.values()))


def _openssl(*words: str) -> None:
    subprocess.run(("openssl", *words), check=True, capture_output=True)


@dataclass
class Platform:
    """What the platform serves to boxes: objects by path; asked only by who shows a certificate."""

    tls: Path | None
    """Folder of certificates; without one it is a store that anybody asks, without TLS."""
    port: int = field(default_factory=free_port)
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Path -> content and Cache-Control."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of every answer, in order."""
    headers: list[str] = field(default_factory=list)
    """Names and values that came along, to look for what should not be there."""
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Answer from now on."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        if self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.tls / "platform.crt"))
            context.load_cert_chain(self.tls / "server.crt", self.tls / "server.key")
            context.verify_mode = ssl.CERT_REQUIRED
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.server = server

    def down(self) -> None:
        """The link is cut: nobody answers, and what was connected is gone."""
        assert self.server
        self.server.shutdown()
        self.server.server_close()
        self.server = None

    def found(self, path: str) -> tuple[bytes, str]:
        """What lies there, and its Cache-Control; no Cache-Control where nothing does."""
        return self.objects.get(path, (b"", ""))

    def reads(self, path: str) -> int:
        """How often the content of ``path`` was given."""
        return self.asked.count((path, 200))


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        timeout = 60

        def do_GET(self) -> None:
            if not platform.server:
                self.close_connection = True
                return
            body, cache = platform.found(self.path)
            tag = f'"{hash(body):x}"'
            status = 200 if cache else 404
            if cache and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            platform.asked.append((self.path, status))
            platform.headers.append(str(self.headers))
            # Without a date: the box may have one of its own.
            self.send_response_only(status)
            for name, value in (("ETag", tag), ("Cache-Control", cache)) if cache else ():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

    return Handler


def lesson(lesson_id: str, segments: int = 3) -> dict[str, tuple[bytes, str]]:
    """The objects of a lesson by path: two renditions, sound, captions and a poster."""
    top, media = f"/lessons/{lesson_id}", f"/lessons/{lesson_id}/{'c' * 8}"
    recipe = f"{media}/r1"
    audio = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="sound",URI="r1/sound/index.m3u8"'
    text = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="中文",URI="r1/captions-zh.m3u8"'
    low = "#EXT-X-STREAM-INF:BANDWIDTH=400000\nr1/v360-365/index.m3u8"
    high = "#EXT-X-STREAM-INF:BANDWIDTH=3500000\nr1/v720-3000/index.m3u8"
    found = {
        f"{top}/lesson.json": (_record(lesson_id, media), MASTER),
        f"{media}/master.m3u8": ("\n".join(("#EXTM3U", audio, text, low, high, "")).encode(), MASTER),
        f"{recipe}/poster.jpg": (b"poster", IMMUTABLE),
        f"{recipe}/captions-zh.m3u8": (b"#EXTM3U\n#EXTINF:9,\ncaptions-zh.vtt\n", IMMUTABLE),
        f"{recipe}/captions-zh.vtt": (b"WEBVTT\n", IMMUTABLE),
    }
    for track in ("v360-365", "v720-3000", "sound"):
        names = [f"{number}.m4s" for number in range(segments)]
        rows = "".join(f"#EXTINF:4,\n{name}\n" for name in names)
        found[f"{recipe}/{track}/index.m3u8"] = (f'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n{rows}'.encode(), IMMUTABLE)
        for name in ("init.mp4", *names):
            found[f"{recipe}/{track}/{name}"] = (f"{lesson_id} {track} {name} ".encode() * 4000, IMMUTABLE)
    return found


def _record(lesson_id: str, media: str) -> bytes:
    folder = media.removeprefix("/lessons/")
    renditions = [{"name": "v360-365"}, {"name": "v720-3000"}]
    facts = {
        "id": lesson_id,
        "title": "A lesson",
        "licence": {"id": "school-year"},
        "master": f"{folder}/master.m3u8",
        "poster": f"{folder}/r1/poster.jpg",
    }
    return json.dumps({**facts, "recipe": "r1", "renditions": renditions}).encode()


def document(value: object) -> tuple[bytes, str]:
    """An operational document as the platform has it."""
    return json.dumps(value).encode(), INDEX


@dataclass
class Box:
    """A box's cache as a process of its own."""

    folder: Path
    platform: Platform
    local: int = field(default_factory=free_port)
    """On loopback, for the box itself."""
    tls: int = field(default_factory=free_port)
    """For the school."""
    way: int = field(default_factory=free_port)
    """On loopback, its own way to the platform."""
    names: Names = field(default_factory=Names)
    """Its resolver."""
    issuer: str = ISSUER
    """Address of the platform, whose pages may read from it."""
    code: str = CODE
    seed: str = SEED
    """Of the keys by which it checks tokens."""
    shift: int = 0
    """Seconds by which its clock is ahead of the machine's."""
    patience: int = 0
    """Seconds that it waits for whom it asks, where it is not the kit's own: a busy machine is no cut link."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.names.hosts[NAMED] = "127.0.0.1"
        self.names.start()

    @property
    def host(self) -> str:
        """The name that classrooms type."""
        return names.edge_host(self.code, DOMAIN)

    def files(self) -> dict[str, str]:
        """The role's own, with folders and ports that are free here."""
        cache = SchoolCache(
            self.code, DOMAIN, "", self.platform.url.replace("127.0.0.1", NAMED), 4, MIB,
            ["127.0.0.0/8"], self.issuer, [keys.public_jwk(self.seed, keys.VIDEO)], str(self.folder / "tls")
        )  # fmt: skip
        changes = {
            f"{school_cache.FOLDER}/current": str(self.folder / "etc"),
            school_cache.CACHE: str(self.folder / "cache"),
            f":{school_cache.LOCAL_PORT}/": f":{self.local}/",
            f"{school_cache.LOCAL_PORT}:ip-in": f"{self.local}:ip-in",
            f":{school_cache.FIRST_WAY}": f":{self.way}",
            f" {school_cache.FIRST_WAY}:ip-in": f" {self.way}:ip-in",
            " 443:ssl": f" {self.tls}:ssl",
        }
        return {name: changed(text, changes) for name, text in school_cache.files(cache).items()}

    def up(self) -> None:
        """Start it and wait until it says that it is well."""
        self._write()
        tree = {**os.environ, "PROXY_CONFIG_CONFIG_DIR": str(self.folder / "etc")} | clock(self.shift)
        log = (self.folder / "said").open("ab")
        self.process = subprocess.Popen(("/usr/bin/traffic_server",), env=tree, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is None and self.ask("GET", school_cache.HEALTH)[0] == 200:
                return
            time.sleep(0.1)
        self.down()
        raise AssertionError((self.folder / "said").read_text()[-3000:])

    def _write(self) -> None:
        own = {
            "proxy.config.local_state_dir": f"STRING {self.folder}/run",
            "proxy.config.log.logfile_dir": f"STRING {self.folder}/log",
            "proxy.config.process_manager.mgmt_port": f"INT {free_port()}",
            "proxy.config.dns.nameservers": f"STRING 127.0.0.1:{self.names.port}",
            "proxy.config.dns.resolv_conf": "STRING NULL",
        }
        for name in _WAITS if self.patience else ():
            own[name] = f"INT {self.patience}"
        for name, text in self.files().items():
            path = self.folder / "etc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + (traffic_server.records(own) if name == "records.config" else ""))
        for name in ("cache", "run", "log"):
            (self.folder / name).mkdir(exist_ok=True)
        if os.geteuid() == 0:
            # It gives root up.
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, school_cache.USER, school_cache.USER)

    def down(self) -> None:
        """End it as systemd does."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body on the local port; 0 where nobody answers."""
        return _asked(http.client.HTTPConnection("127.0.0.1", self.local, timeout=30), method, path, headers, body)

    def school(  # noqa: PLR0917  # tests name what they give beyond the first
        self,
        method: str,
        path: str,
        token: str = "",
        source: str = ELSEWHERE,
        host: str = "",
        headers: Mapping[str, str | bytes] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body as a machine in the school gets them; ``headers`` go along, and may be a cookie instead of the token's."""
        line = http.client.HTTPSConnection(
            "127.0.0.1", self.tls, timeout=30, context=_ANYONE, source_address=(source, 0)
        )
        cookie = {"Cookie": f"{video_token.COOKIE}={token}"} if token else {}
        return _asked(line, method, path, {"Host": host or self.host, **cookie, **(headers or {})})

    def held(self, paths: list[str]) -> list[str]:
        """Those of the paths that its cache has."""
        return [path for path in paths if self.ask("HEAD", path, {"Cache-Control": "only-if-cached"})[0] == 200]


@dataclass
class Shield(Box):
    """The city's shield as a process of its own, in the clear; ``tls`` is the port of viewers."""

    schools: int = field(default_factory=free_port)
    """For caches that the gateway knows."""
    figures: int = field(default_factory=free_port)

    def files(self) -> dict[str, str]:
        """The platform's own, with folders and ports that are free here."""
        tokens = video_token.configuration(ISSUER, video_token.CITY, [keys.public_jwk(SEED, keys.VIDEO)])
        found = shield.files(load_named("tiny"), self.platform.url, 1, tokens)
        found = plain(found, {shield.PORT: self.schools, shield.VIEWERS_PORT: self.tls})
        changes = {
            "STRING #-1": f"STRING {school_cache.USER}",
            cache_pod.CONFIGURATION: str(self.folder / "etc"),
            shield.SIGNING: str(self.folder / "etc"),
            cache_pod.CACHE: str(self.folder / "cache"),
            f" {cache_pod.FIGURES_PORT} {purging.PORT}:": f" {self.figures} {self.local}:",
            f":{purging.PORT}/": f":{self.local}/",
        }
        signing = {shield.SIGNING_FILE: shield.signing_file("a", "b"), "region.config": shield.region_file("r")}
        return {name: changed(text, changes) for name, text in {**found, **signing}.items()}

    @contextmanager
    def opened(self, port: int) -> Iterator[str]:
        """Where a port of the pod is here."""
        assert port == purging.PORT
        yield f"http://127.0.0.1:{self.local}"


@contextmanager
def shields(count: int, *lessons: str) -> Iterator[tuple[Platform, list[Shield]]]:
    """A store that has these lessons, and shields before it."""
    with tempfile.TemporaryDirectory(prefix="huiju-shield-") as place, ExitStack() as ending:
        Path(place).chmod(0o711)
        store = Platform(None)
        for each in lessons:
            store.objects.update(lesson(each))
        store.up()
        ending.callback(store.down)
        found = [Shield(Path(place) / str(number), store) for number in range(count)]
        for cache in found:
            cache.folder.mkdir()
            ending.callback(cache.down)
            cache.up()
        yield store, found


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text of a file, with each of these in the other's place."""
    for before, after in changes.items():
        text = text.replace(before, after)
    return text


def _asked(
    line: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str | bytes] | None = None,
    body: bytes | None = None,
) -> tuple[int, bytes]:
    try:
        line.request(method, path, body, dict(headers or {}))
        answer = line.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        line.close()


def token(lesson_id: str, seconds: float = 3600, issuer: str = ISSUER, claims: Claims = video_token.claims) -> str:
    """Permission to play a lesson in this school, as the platform signs it; or another, by its ``claims``."""
    told = claims(issuer, CODE, lesson_id, int(time.time() + seconds))
    key = keys.pem(keys.private_key(SEED, keys.VIDEO))
    return jwt.encode(told, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.VIDEO)})


FILES = Path(__file__).resolve().parent.parent / "playbooks" / "roles" / "school_box" / "files" / "lesson_keeper"


@dataclass
class Keeper:
    """The box's service as a process of its own."""

    box: Box
    process: subprocess.Popen[str] | None = None

    @property
    def state(self) -> Path:
        return self.box.folder.parent / "state"

    @property
    def metrics(self) -> Path:
        return self.box.folder.parent / "keeper.prom"

    def settings(self) -> Path:
        """The file that the role writes."""
        self.state.mkdir(exist_ok=True)
        file = self.box.folder.parent / "keeper.json"
        told = {
            "school": CODE,
            "platforms": [self.box.platform.url],
            "cache": f"http://127.0.0.1:{self.box.local}",
            "state": str(self.state),
            "metrics": str(self.metrics),
            "key": str(self.box.folder.parent / "parcels.asc"),
            "mib": MIB,
            "seconds": 0.1,
        }
        file.write_text(json.dumps(told))
        return file

    def up(self) -> None:
        """Start it."""
        line = (sys.executable, "-I", str(FILES), "serve", str(self.settings()))
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(self.box.folder / "tls")}
        log = (self.box.folder.parent / "keeper.log").open("a")
        self.process = subprocess.Popen(line, env=environment, stdout=log, stderr=log, text=True)

    def down(self) -> None:
        """End it as a power cut does."""
        if self.process:
            assert self.process.poll() is None, (self.box.folder.parent / "keeper.log").read_text()
            self.process.kill()
            self.process.wait()
            self.process = None

    def apply(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """What a technician with a stick does."""
        line = (sys.executable, "-I", str(FILES), "apply", str(folder), str(self.settings()))
        return subprocess.run(line, capture_output=True, text=True, check=False)

    def readings(self) -> dict[str, float]:
        """Series -> value, as the exporter reads them; none before the first are written."""
        text = self.metrics.read_text() if self.metrics.exists() else ""
        return {
            name: float(value) for name, value in (row.rsplit(" ", 1) for row in text.splitlines() if row[0] != "#")
        }


@contextmanager
def standing(*lessons: str) -> Iterator[tuple[Platform, Box, Keeper]]:
    """A platform that has these lessons, a box, and its service, which is not started yet."""
    # Not below the test's own folder, which nobody but root may enter.
    with tempfile.TemporaryDirectory(prefix="huiju-box-") as place:
        folder = Path(place)
        folder.chmod(0o711)
        certificates(folder / "box" / "tls")
        platform = Platform(folder / "box" / "tls")
        for each in lessons:
            platform.objects.update(lesson(each))
        box = Box(folder / "box", platform)
        keeper = Keeper(box)
        platform.up()
        try:
            box.up()
            yield platform, box, keeper
        finally:
            keeper.down()
            box.down()
            if platform.server:
                platform.down()
