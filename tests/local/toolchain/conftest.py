"""Folders of a test's own, and a server on loopback that plays a release site."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from local.settings import Settings
from local.toolchain import download


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty cache, state and settings; nothing of this machine's own."""
    for name in ("CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HUIJU_CLONE_ID", "test")
    for name in ("HUIJU_SETTINGS", "KUBECONFIG", "PULUMI_HOME", "HUIJU_GOARCH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def write_settings(home: Path) -> Callable[[object], Path]:
    """Write the settings file of the test's own home."""

    def write(content: object) -> Path:
        path = home / "config" / "huiju" / "settings.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def said() -> list[str]:
    """Progress lines; pass ``said.append`` where one is asked for."""
    return []


def archive(members: dict[str, bytes]) -> bytes:
    """A gzipped tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Site:
    """A release site: files by path, and ways to misbehave, one per request, the last for all that follow."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    moods: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of each request."""

    def mood(self) -> str:
        """How to answer this request."""
        return (self.moods.pop(0) if len(self.moods) > 1 else self.moods[0]) if self.moods else "good"


class _Handler(BaseHTTPRequestHandler):
    site: Site
    over: threading.Event
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.site.asked.append((self.path, wanted))
        mood, body = self.site.mood(), self.site.files.get(self.path)
        self.close_connection = True
        if mood.startswith("status "):
            self._answer(int(mood.split()[1]), b"")
        elif mood.startswith("redirect "):
            self._answer(302, b"", Location=mood.split()[1])
        elif body is None:
            self._answer(404, b"")
        elif mood == "ignores ranges" or not wanted:
            self._body(200, body, mood)
        else:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self._body(206 if start < len(body) else 416, body[start:], mood)

    def _body(self, status: int, body: bytes, mood: str) -> None:
        if mood == "truncates":
            self._answer(status, body[: len(body) // 2], length=len(body))
        elif mood == "hangs":
            self._answer(status, body[: len(body) // 2], length=len(body))
            self.wfile.flush()
            self.over.wait(30)
        elif mood == "drips":
            self._answer(status, b"", length=len(body))
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.over.wait(0.05):
                    return
        else:
            self._answer(status, body)

    def _answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A release site on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    place, over = Site(f"http://127.0.0.1:{server.server_port}"), threading.Event()
    server.RequestHandlerClass = type("Handler", (_Handler,), {"site": place, "over": over})
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield place
    over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that give a silent server up after a second, and no pause between attempts."""
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    return Settings.model_validate({"releases": {"stall_seconds": 1}})
