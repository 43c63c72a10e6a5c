"""An intake in a process of its own, and a stand-in for the database behind it that answers as it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from local.ports import free_port
from tests import remote_write
from tests.services.intake.told import CODE, OTHER, TOLD

ROOT = Path(__file__).resolve().parents[3]
SUBJECT = "x-forwarded-client-cert"


def certificate(code: str) -> str:
    """The gateway's word for a verified certificate."""
    return f'Hash={"0a" * 32};Subject="CN={code}"'


@dataclass
class Database:
    """What arrived, and what is answered."""

    url: str = ""
    status: int = 204
    text: str = ""
    hold: threading.Event = field(default_factory=threading.Event)
    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def database() -> Iterator[Database]:
    """A server that takes remote writes; while ``hold`` is not set it keeps its callers waiting."""
    told = Database()
    told.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.arrived.append(({key.lower(): value for key, value in self.headers.items()}, body))
            told.hold.wait(20)
            self.send_response(told.status)
            text = b"" if told.status == 204 else told.text.encode()
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/write"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield told
    finally:
        told.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Running:
    """A running intake."""

    process: subprocess.Popen[bytes]
    outer: str
    inner: str
    log: Path

    def write(self, body: bytes, *, code: str = CODE, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a body as the gateway would for a box of ``code``."""
        given = {**remote_write.HEADERS, SUBJECT: certificate(code), **(headers or {})}
        return httpx.post(f"{self.outer}/api/v1/write", content=body, headers=given, timeout=30, trust_env=False)

    def count(self, outcome: str) -> float:
        """How many requests ended so."""
        text = httpx.get(f"{self.inner}/metrics", trust_env=False).text
        (value,) = [line.split()[-1] for line in text.splitlines() if f'requests_total{{outcome="{outcome}"}}' in line]
        return float(value)

    def peak_mib(self) -> float:
        """The most memory that it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


@contextmanager
def intake(folder: Path, upstream: str) -> Iterator[Running]:
    """An intake that knows two schools and hands on to ``upstream``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schools.json").write_text(json.dumps({CODE: {}, OTHER: {}}))
    told = {"upstream": upstream, **TOLD}
    (folder / "intake.json").write_text(json.dumps(told))
    ports = {"INTAKE_PORT": str(free_port()), "INTAKE_OWN_PORT": str(free_port()), "INTAKE_SETTINGS": str(folder)}
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.intake"], cwd=ROOT, env={**os.environ, **ports}, stdout=sink, stderr=sink
        )
    running = Running(
        process, f"http://127.0.0.1:{ports['INTAKE_PORT']}", f"http://127.0.0.1:{ports['INTAKE_OWN_PORT']}", log
    )
    try:
        _await(running)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(running: Running) -> None:
    for _ in range(300):
        assert running.process.poll() is None, running.log.read_text()
        try:
            if httpx.get(f"{running.inner}/healthz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(running.log.read_text())
