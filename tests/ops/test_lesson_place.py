"""Where lessons are published: the stack's settings, and the way to its store."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from ops.lessons import place
from ops.lessons.place import Place
from ops.stack import configuration


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"domain": "localhost", "publicPort": "8443"}, "https://localhost:8443"),
        ({"domain": "edu.example", "publicPort": 443}, "https://edu.example"),
        ({"domain": "edu.example"}, "https://edu.example"),
    ],
)
def test_the_address_is_what_a_browser_types(settings: dict[str, object], url: str) -> None:
    assert Place("s", settings, None, None).url == url


@pytest.mark.parametrize("images", [{"media-tools": "r@sha256:1"}, '{"media-tools": "r@sha256:1"}'])
def test_the_image_is_the_stacks(images: object) -> None:
    assert Place("s", {"images": images}, None, None).image == "r@sha256:1"


def test_a_stack_without_the_image_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "images_lock", lambda: tmp_path / "absent")
    with pytest.raises(UserError, match="make up"):
        _ = Place("s", {}, None, None).image


def test_an_outside_store_is_spoken_to_directly() -> None:
    with Place("s", {}, None, None)._endpoint("https://s3.example") as endpoint:
        assert endpoint == "https://s3.example"


def test_the_forwarded_port_is_read_and_a_failure_says_why() -> None:
    assert place._forwarded(io.StringIO("noise\nForwarding from 127.0.0.1:40123 -> 7070\n"), "x") == 40123
    with pytest.raises(UserError, match='services "object-store" not found'):
        place._forwarded(io.StringIO('error: services "object-store" not found\n'), "x")


def test_a_forwarder_that_has_much_to_say_is_not_stopped_by_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = tmp_path / "said"
    code = (
        "import pathlib\nprint('Forwarding from 127.0.0.1:40123 -> 7070', flush=True)\n"
        "for _ in range(20_000):\n    print('Handling connection for 40123')\n"
        f"pathlib.Path({str(said)!r}).touch()\n"
    )
    monkeypatch.setattr(Place, "command", lambda *_: [sys.executable, "-c", code])
    with Place("s", {}, None, None)._endpoint("http://object-store.object-store.svc:7070") as endpoint:
        assert endpoint == "http://127.0.0.1:40123"
        deadline = time.monotonic() + 30
        while not said.exists():
            assert time.monotonic() < deadline, "it still waits for somebody to read"
            time.sleep(0.02)


def test_a_kubeconfig_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "settings", lambda _: {"kubeconfig": "/nowhere/kubeconfig"})
    with pytest.raises(UserError, match="does not exist"):
        place.of_stack("prod")
