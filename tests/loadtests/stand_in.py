"""A stand-in for the platform on loopback: real TLS, real playlists, segments that are real boxes, and faults on demand."""

from __future__ import annotations

import json
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.generator import certificate
from derive import session_token
from services.packager import playlists
from services.packager.playlists import Segment, Track
from tests.loopback import Quiet

CHANCE = random.Random()
LESSON, HASH = "l-aaaaaaaaaaaaaaaa", "0" * 12
ROOT = f"/lessons/{LESSON}/{HASH}"
SECONDS, COUNT = 6.0, 5
SIZES = {"small": 60_000, "large": 400_000, "sound": 12_000}
PAGE = b'<!doctype html><html><head><link href="/assets/a.css"><script src="/assets/a.js"></script></head></html>'


@dataclass
class Faults:
    """What goes wrong: seconds before an answer to each kind of path, a share of answers that are 503, or cut, or never come."""

    slow: dict[str, float] = field(default_factory=dict)
    failing: float = 0.0
    cut: float = 0.0
    ungranted: bool = False
    """Permissions come without the video token."""
    frozen_from: float = float("inf")
    """Seconds after the first request from which nothing is answered."""
    rendition: str | None = None
    """What a permission tells players to keep to."""


def box(kind: bytes, size: int) -> bytes:
    return size.to_bytes(4) + kind + bytes(size - 8)


def files() -> dict[str, bytes]:
    tracks = {
        name: Track(name, "avc1.64001f" if name != "sound" else playlists.AAC_LC,
                    tuple(Segment(f"{n}.m4s", SECONDS, size, "") for n in range(COUNT)), 640, 360, 30)
        for name, size in SIZES.items()
    }  # fmt: skip
    found = {f"{ROOT}/master.m3u8": playlists.master((tracks["small"], tracks["large"]), tracks["sound"]).encode()}
    for name, track in tracks.items():
        found[f"{ROOT}/{name}/index.m3u8"] = playlists.media(track).encode()
        found[f"{ROOT}/{name}/init.mp4"] = box(b"ftyp", 24) + box(b"moov", 600)
        found |= {f"{ROOT}/{name}/{n}.m4s": box(b"moof", 100) + box(b"mdat", SIZES[name] - 100) for n in range(COUNT)}
    return found


class Platform(ThreadingHTTPServer):
    """Counts what it was asked, by kind of path."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.files = faults, files()
        self.asked: Counter[str] = Counter()
        self.signed_in: set[str] = set()
        self.players: set[str] = set()
        self.tracks: set[str] = set()
        """Names of those of which a segment was asked for."""
        self.began = 0.0
        self.left_open = 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is none of our business."""


class Handler(Quiet, BaseHTTPRequestHandler):
    server: Platform

    def do_GET(self) -> None:
        kind = self._kind()
        if self._trouble(kind):
            return
        if kind == "media" and "URISigningPackage=good" not in self.headers.get("Cookie", ""):
            self._send(403, json.dumps({"reason": "no-token"}).encode())
        elif kind == "page":
            self._send(200, PAGE)
        elif kind == "session":
            self._send(200, json.dumps({"signed_in": bool(self._session())}).encode())
        elif kind == "list":
            self._send(
                200, json.dumps({"lessons": [{"id": LESSON, "master": f"{LESSON}/{HASH}/master.m3u8"}]}).encode()
            )
        else:
            body = self.server.files.get(self.path, b"x" * 2000 if kind == "part" else b"")
            self.server.tracks |= {self.path.split("/")[-2]} if self.path.endswith(".m4s") else set()
            self._send(200 if body else 404, body)

    def do_POST(self) -> None:
        signing = self.path == "/access/sign-in"
        if self._trouble("sign-in" if signing else "permission"):
            return
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with self.server.lock:
            (self.server.signed_in if signing else self.server.players).add(bearer if signing else self._session())
        if signing:
            self._send(
                204 if bearer else 403,
                b"",
                {"Set-Cookie": f"{session_token.COOKIE}={bearer}; Path=/; Secure; HttpOnly"},
            )
            return
        said = {"lesson": LESSON, "master": f"{ROOT}/master.m3u8", "rendition": self.server.faults.rendition}
        body = json.dumps({key: value for key, value in said.items() if value}).encode()
        grant = {"Set-Cookie": f"URISigningPackage=good; Path=/lessons/{LESSON}/; Secure; HttpOnly"}
        self._send(200, body, {} if self.server.faults.ungranted else grant)

    def _session(self) -> str:
        return self.headers.get("Cookie", "").partition(f"{session_token.COOKIE}=")[2].partition(";")[0]

    def _kind(self) -> str:
        if self.path.startswith("/lessons/"):
            return "list" if self.path.endswith("index.json") else "media"
        return {"/": "page", "/access/session": "session"}.get(self.path, "part")

    def _trouble(self, kind: str) -> bool:
        server = self.server
        with server.lock:
            server.asked[kind] += 1
            server.began = server.began or time.monotonic()
        time.sleep(server.faults.slow.get(kind, 0))
        if time.monotonic() - server.began > server.faults.frozen_from:
            with server.lock:
                server.left_open += 1
            time.sleep(60)
        if CHANCE.random() < server.faults.failing:
            self._send(503, b"no")
            return True
        return False

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.path.endswith(".m4s") and CHANCE.random() < self.server.faults.cut
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


@contextmanager
def platform(folder: Path, faults: Faults | None = None) -> Iterator[tuple[Platform, str]]:
    """A platform that answers, and the PEM that its clients trust."""
    file, pem = certificate.make(folder)
    server = Platform(faults or Faults())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, pem
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
