"""What a keeper does with a document that it cannot take: it is not sent again and again, and what was known before is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import box_cache
from tests.box_cache import LESSON, OTHER
from tests.loopback import Quiet, listening


@dataclass
class Store:
    """One document, and how many bytes of it were sent."""

    text: bytes = b"{}"
    tagged: bool = True
    cut: bool = False
    """Whether the line breaks in the middle of the answer, whose length was said before."""
    url: str = ""
    sent: int = 0
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def store() -> Iterator[Store]:
    found = Store()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tag = f'"{hashlib.sha256(found.text).hexdigest()}"'
            same = found.tagged and self.headers.get("If-None-Match") == tag
            found.asked.append(self.path)
            self.send_response_only(304 if same else 200)
            if found.tagged:
                self.send_header("ETag", tag)
            if not same:
                self.send_header(
                    *(("Content-Length", len(found.text)) if found.cut else ("Transfer-Encoding", "chunked"))
                )
            self.end_headers()
            if found.cut:
                self.wfile.write(found.text[: len(found.text) // 2])
                self.close_connection = True
            elif not same:
                found.sent += len(found.text)
                self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(found.text), found.text))

    with listening(Handler) as found.url:
        yield found


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, store: Store) -> Any:
    """The module, its documents of 1 KiB at most, asked for without TLS."""
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import platform  # type: ignore[import-not-found]  # as it lies on the box

    monkeypatch.setattr(platform, "MOST_BYTES", 1024)
    at = urlsplit(store.url).netloc
    monkeypatch.setattr(platform, "line_to", lambda *_: platform.http.client.HTTPConnection(at))
    return platform


def later(monkeypatch: pytest.MonkeyPatch, platform: Any, seconds: float) -> None:
    """Time goes on."""
    now = platform.time.monotonic()
    monkeypatch.setattr(platform.time, "monotonic", lambda: now + seconds)


def refused(document: Any) -> None:
    with pytest.raises(OSError, match=r"/x: (ValueError: )?"):
        document.ask()


@pytest.mark.parametrize("text", [b'"' + b"x" * 2000 + b'"', b"{ damaged"])
def test_a_document_that_cannot_be_taken_is_sent_once(
    platform: Any, store: Store, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = platform.Document(["one", "other"], Path(), "/x")
    store.text = b'{"a": 1}'
    assert document.ask()
    store.text, store.sent = text, 0
    for _ in range(3):
        refused(document)
    assert (store.sent, len(store.asked)) == (len(text), 3), "the second address says that it has the same"
    later(monkeypatch, platform, platform.LATER)
    refused(document)
    assert (store.sent, document.value) == (len(text), {"a": 1})
    store.text = b'{"a": 2}'
    later(monkeypatch, platform, platform.LATER)
    assert (document.ask(), document.value) == (True, {"a": 2})
    assert not document.ask()


def test_a_document_whose_line_broke_is_asked_for_again_at_once_and_taken(platform: Any, store: Store) -> None:
    document = platform.Document(["one"], Path(), "/x")
    store.text, store.cut = b'{"a": 1}', True
    with pytest.raises(OSError, match="IncompleteRead"):
        document.ask()
    store.cut = False
    assert (document.ask(), document.value) == (True, {"a": 1})


def test_one_without_a_tag_is_not_asked_for_every_few_seconds(platform: Any, store: Store) -> None:
    document = platform.Document(["one"], Path(), "/x")
    store.text, store.tagged = b"{ damaged", False
    for _ in range(3):
        refused(document)
    assert len(store.asked) == 1


def test_what_was_heard_before_is_given_up_though_the_document_is_too_long_by_now(
    platform: Any, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keeper import service

    settings = {
        "platforms": ["one"],
        "school": "1",
        "state": str(tmp_path),
        "seconds": 5,
        "cache": "http://127.0.0.1:9",
    }
    monkeypatch.setattr(service, "Link", lambda *_: None)
    keeper, given_up = service.Keeper(settings, tmp_path), list[str]()

    def note(path: str) -> int:
        given_up.append(path)
        return 0

    monkeypatch.setattr(keeper, "_purging", SimpleNamespace(purge=lambda paths: sum(map(note, paths))))
    entry = {"id": LESSON, "at": "2026-11-29T05:00:00Z", "paths": [f"/lessons/{LESSON}/h/{{08..10..1}}.m4s"]}
    store.text = json.dumps({"lessons": [entry]}).encode()
    keeper._hear()
    store.text = json.dumps({"lessons": [entry, {**entry, "id": OTHER}], "more": "x" * 2000}).encode()
    for _ in range(3):
        keeper.withdraw()
    assert given_up == [f"/lessons/{LESSON}/h/{at}.m4s" for at in ("08", "09", "10")]
