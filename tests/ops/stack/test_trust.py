"""What the commands ask at the public address is believed by the stack's own settings, and by nobody else's word."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalog import load_named
from catalog.errors import UserError
from ops import health
from ops.lessons import place
from ops.lessons.place import Place
from ops.loads import orders
from ops.loads.orders import Wish
from ops.schools import watching
from ops.stack import authority, checkpoint, configuration, pair, trust

STACK = "prod"
CITY = load_named("tiny")
RUN = orders.plan(CITY, Wish(minutes=2, scale=1, at="", span=30, seed=1))


class Answers(BaseHTTPRequestHandler):
    """A page, a list without lessons, and a permission."""

    def do_GET(self) -> None:
        self._send(b"<html></html>" if self.path == "/" else json.dumps({"lessons": []}).encode())

    def do_POST(self) -> None:
        self._send(json.dumps({"token": "given"}).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True)
class Platform:
    """A platform whose certificate is of an authority that this machine never had."""

    url: str
    root: str
    chain: str
    """As the gateway serves it, without the root."""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    served, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    made = authority.ensure("localhost")
    root = authority.certificate_file().read_text()
    shutil.rmtree(authority.folder())
    served.write_text(made.certificate.removesuffix(root))
    key.write_text(made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Platform(f"https://localhost:{server.server_port}", root, served.read_text())
        server.shutdown()


def status(where: Place) -> str:
    return {fact.component: fact.detail for fact in health.of_address(where.stack)}["certificate"]


def token(where: Place) -> str:
    return watching.token(where.stack, CITY.schools[0].code, "l-1")


def lessons(where: Place) -> str:
    with pytest.raises(UserError) as refused:
        orders.repertoire(where, CITY, RUN)
    return str(refused.value)


ASKING = pytest.mark.parametrize(
    ("ask", "good"), [(status, "days left"), (token, "given"), (lessons, "no lesson that anybody")]
)
Ask = Callable[[Place], str]


def stack(platform: Platform, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Place:
    """The stack whose settings these are, provisioned."""
    port = platform.url.rpartition(":")[2]
    where = Place(STACK, {"domain": "localhost", "publicPort": port, **settings}, None, None)
    outputs: dict[str, Any] = {"url": platform.url}
    monkeypatch.setattr(checkpoint, "load", lambda *_: SimpleNamespace(outputs=outputs))
    monkeypatch.setattr(configuration, "settings", lambda _: where.settings)
    monkeypatch.setattr(place, "of_stack", lambda _: where)
    return where


@ASKING
def test_whoever_the_settings_name_is_believed(
    ask: Ask, good: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a chain of one's own it is the chain: like the prober, which has no root of it either."""
    for settings in ({"platformCa": platform.root}, {"tlsCert": platform.chain}):
        assert good in ask(stack(platform, monkeypatch, **settings))


@ASKING
@pytest.mark.parametrize("settings", [{}, {"platformCa": pair.authority("another").certificate}])
def test_nobody_else_is(
    ask: Ask, good: str, settings: dict[str, str], platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    del good
    try:
        said = ask(stack(platform, monkeypatch, **settings))
    except (OSError, UserError) as error:
        said = str(error)
    assert "CERTIFICATE_VERIFY_FAILED" in said


def test_a_load_test_s_people_are_told_the_same(platform: Platform) -> None:
    assert trust.authorities({"platformCa": platform.root, "tlsCert": "another"}) == platform.root
    assert trust.authorities({"tlsCert": platform.chain}) == platform.chain
    assert trust.authorities({"certIssuer": "letsencrypt"}) == ""
