"""A connection that the other side closed while it was idle is no failure: what was asked is asked again, once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.ports import free_port
from tests import box_cache

PATH = f"/lessons/{box_cache.LESSON}/lesson.json"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
}
"""Answers of a cache that died while it gave them."""


@pytest.fixture
def forgetful() -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers one question on each connection, and then closes it without a word."""
    with answering(ANSWER) as found:
        yield found


@contextmanager
def answering(text: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers every connection's first question so, and then closes it; its port, and what it was asked."""
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    with server.accept()[0] as line:
                        heard.append(line.recv(65536).split(b"\r\n")[0])
                        line.sendall(text)
                        # To its end, or what was not read resets the connection under the answer.
                        line.shutdown(socket.SHUT_WR)
                        while line.recv(65536):
                            pass
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


@pytest.mark.parametrize(
    ("how", "asking"),
    [
        ("length", lambda cache: cache.purge([PATH])),
        ("length", lambda cache: cache.fill(PATH, b"HTTP/1.1 200 OK\r\n\r\n", [b"x"], 1)),
        ("length", lambda cache: cache.fetch(PATH, lambda _: None)),
        ("chunks", lambda cache: cache.purge([PATH])),
        ("chunks", lambda cache: cache.fetch(PATH, lambda _: None)),
    ],
)
def test_a_cache_that_dies_in_the_middle_of_its_answer_is_said_and_asked_anew(
    cache: Any, how: str, asking: Callable[[Any], object]
) -> None:
    with answering(CUT[how]) as (port, heard):
        asked = cache.Cache(f"http://127.0.0.1:{port}")
        for _ in range(2):
            with pytest.raises(OSError, match="the cache: IncompleteRead"):
                asking(asked)
    assert len(heard) == 2, "on a new connection"
