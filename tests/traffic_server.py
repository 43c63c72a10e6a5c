"""A cache of this machine with the platform's own configuration, on loopback, over an origin that counts; its clock may be off."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.caching import sandbox
from catalog import City
from derive import shield, video_token
from local.ports import free_port
from tests.loopback import Quiet

PROGRAM = "traffic_server"
CLOCKS = "*/faketime/libfaketimeMT.so.1"
"""Below /usr/lib: what gives a program a clock of its own (Debian's `faketime`)."""
CACHE_MIB = 64
READY_SECONDS = 30.0
MEDIA = b"a segment of a lesson. " * 4
KEPT = "public, max-age=86400"
"""How long it may be kept."""


@dataclass(frozen=True)
class Cache:
    """A cache that runs."""

    port: int
    output: Path
    """What it prints: its access log among it, a second later."""


class Origin(ThreadingHTTPServer):
    """Gives every path the same few bytes, to be kept for a day, and counts how often each was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Segment)
        self.asked = Counter[str]()
        self.headers: list[str] = []
        """Names and values that came along, to look for what should not be there."""


class _Segment(Quiet, BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        self.server.headers.append(str(self.headers))
        # Without a date: the cache has one of its own.
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(MEDIA)))
        self.send_header("Cache-Control", KEPT)
        self.end_headers()
        self.wfile.write(MEDIA)


@contextmanager
def counting() -> Iterator[Origin]:
    """An origin, for as long as the body runs."""
    with Origin() as found:
        serving = threading.Thread(target=found.serve_forever, daemon=True)
        serving.start()
        try:
            yield found
        finally:
            found.shutdown()
            serving.join()


class NotReadyError(AssertionError):
    """The cache does not start; its one argument is what it printed."""


@contextmanager
def running(city: City, tokens: str | None, origin: Origin, shift: int = 0) -> Iterator[Cache]:
    """An empty cache that decides by ``tokens`` (`uri_signing.json`; None: the file is not there).

    Its clock is ``shift`` seconds ahead of the machine's. Raises `NotReadyError`.
    """
    folder, port = Path(tempfile.mkdtemp(prefix="huiju-ats-")), free_port()
    files = shield.files(city, f"http://127.0.0.1:{origin.server_address[1]}", 1, tokens or "")
    if tokens is None:
        del files[video_token.FILE]
    health = files["health.config"].split()[0]
    sandbox.write(folder, files, port, free_port(), CACHE_MIB)
    environment = {"PATH": os.environ["PATH"], "TS_RUNROOT": str(folder)} | clock(shift)
    program = shutil.which(PROGRAM)
    assert program, "apt-get install trafficserver trafficserver-experimental-plugins"
    try:
        with (
            (folder / "output").open("wb") as said,
            subprocess.Popen([program], env=environment, stdout=said, stderr=said) as server,
        ):
            try:
                _wait(server, port, folder, health)
                yield Cache(port, folder / "output")
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clock(shift: int) -> dict[str, str]:
    """The environment of a program whose clock is ``shift`` seconds ahead of the machine's."""
    if not shift:
        return {}
    library = next(Path("/usr/lib").glob(CLOCKS), None)
    assert library, "apt-get install faketime"
    # Time that only grows stays the machine's own: waits are as long as they are.
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{shift:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path, health: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            link = HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", health, headers={"Host": "localhost"})
            assert link.getresponse().status == 200
        except (OSError, HTTPException) as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NotReadyError((folder / "output").read_text(errors="replace")[-2000:]) from error
            time.sleep(0.05)
        else:
            return
        finally:
            link.close()
