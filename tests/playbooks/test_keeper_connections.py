"""A connection that the other side closed while it was idle is no failure: what was asked is asked again, once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local.ports import free_port
from tests import box_cache

PATH = f"/lessons/{box_cache.LESSON}/lesson.json"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def forgetful() -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one question on each connection, and then closes it without a word."""
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    with server.accept()[0] as line:
                        heard.append(line.recv(65536).split(b"\r\n")[0])
                        line.sendall(ANSWER)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import cache  # type: ignore[import-not-found]  # as it lies on the box

    yield cache


def test_a_purge_after_a_long_silence_is_heard(cache: Any, forgetful: tuple[int, list[bytes]]) -> None:
    port, heard = forgetful
    asked = cache.Cache(f"http://127.0.0.1:{port}")
    assert asked.purge([PATH]) == 1
    assert asked.purge([PATH]) == 1
    assert len(heard) == 2


def test_who_does_not_answer_at_all_is_said(cache: Any) -> None:
    with pytest.raises(OSError, match="refused"):
        cache.Cache(f"http://127.0.0.1:{free_port()}").purge([PATH])
