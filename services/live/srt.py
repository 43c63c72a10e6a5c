"""Takes a stream in by SRT, with libsrt itself: the passphrase is in no program's arguments, and one listener outlives every connection.

ffmpeg's own listener takes the passphrase on its command line, serves one connection and then ends, and says "refused" only in its log.
Options and errors are those of libsrt 1.5 (``srtcore/srt.h``).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Final

RECEIVE_TIMEOUT, LATENCY, PASSPHRASE, PEER_IDLE = 14, 23, 26, 55
"""Options: SRTO_RCVTIMEO, SRTO_LATENCY, SRTO_PASSPHRASE, SRTO_PEERIDLETIMEO."""
TIMED_OUT: Final = 6003
"""SRT_ETIMEOUT."""
LATENCY_MS: Final = 500
"""Time in which a lost packet may be sent again: several round trips over a mobile link, and little beside three segments."""
IDLE_MS: Final = 4000
"""A peer from which nothing comes for so long, not even a keep-alive (one a second), is gone."""
BLOCK_MS: Final = 500
"""How long a call waits at most: signals are heard in between."""
ERRORS: Final = 3
"""Level of the log: who is refused is said, every hiccup is not."""
PACKET: Final = 1500
QUEUED: Final = 2
"""A teacher's program that connects anew before the old connection is found to be dead waits here."""
LIBRARIES: Final = ("libsrt-gnutls.so.1.5", "libsrt-openssl.so.1.5", "libsrt.so.1.5")
"""Debian's names for the two builds, and everybody else's."""
PASSPHRASE_LENGTH: Final = range(10, 80)
"""Characters that SRT takes."""


class SrtError(Exception):
    """libsrt refused, in its own words."""


def library() -> ctypes.CDLL:
    """libsrt, started; SrtError where there is none."""
    for name in LIBRARIES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.srt_getlasterror_str.restype = ctypes.c_char_p
        found.srt_startup()
        found.srt_setloglevel(ERRORS)
        return found
    raise SrtError(f"libsrt is not installed: looked for {', '.join(LIBRARIES)}")


class Connection:
    """A stream that comes in."""

    def __init__(self, srt: ctypes.CDLL, number: int) -> None:
        self._srt, self._number = srt, number
        self._buffer = ctypes.create_string_buffer(PACKET)
        _set(srt, number, RECEIVE_TIMEOUT, struct.pack("i", BLOCK_MS))

    def receive(self) -> bytes | None:
        """The next packet; empty when none came for a moment, None when the connection is over."""
        size = self._srt.srt_recvmsg(self._number, self._buffer, PACKET)
        if size > 0:
            return self._buffer.raw[:size]
        return b"" if size < 0 and self._srt.srt_getlasterror(None) == TIMED_OUT else None

    def close(self) -> None:
        """End it."""
        self._srt.srt_close(self._number)


class Listener:
    """Waits for streams on a UDP port. Whoever has another passphrase, or none, is refused by the handshake. Raises SrtError."""

    def __init__(self, port: int, passphrase: str) -> None:
        srt = self._srt = library()
        if len(passphrase) not in PASSPHRASE_LENGTH:
            raise SrtError("a passphrase has 10 to 79 characters")
        self._number = srt.srt_create_socket()
        _set(srt, self._number, PASSPHRASE, passphrase.encode())
        _set(srt, self._number, LATENCY, struct.pack("i", LATENCY_MS))
        _set(srt, self._number, PEER_IDLE, struct.pack("i", IDLE_MS))
        address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), bytes(4))
        _done(srt, srt.srt_bind(self._number, address, len(address)))
        _done(srt, srt.srt_listen(self._number, QUEUED))
        self._poll, events = srt.srt_epoll_create(), ctypes.c_int(1)
        _done(srt, srt.srt_epoll_add_usock(self._poll, self._number, ctypes.byref(events)))

    def waiting(self, milliseconds: int = 0) -> bool:
        """Whether somebody has connected and is not accepted yet; waits so long for one."""
        ready, count = (ctypes.c_int * 2)(), ctypes.c_int(2)
        reading, rest = (ready, ctypes.byref(count)), (None,) * 4
        found = self._srt.srt_epoll_wait(self._poll, *reading, None, None, ctypes.c_int64(milliseconds), *rest)
        return int(found) > 0

    def accept(self) -> Connection | None:
        """The next stream; None when nobody connected for a moment."""
        if not self.waiting(BLOCK_MS):
            return None
        number = self._srt.srt_accept(self._number, None, None)
        return None if number < 0 else Connection(self._srt, number)

    def close(self) -> None:
        """Stop listening."""
        self._srt.srt_epoll_release(self._poll)
        self._srt.srt_close(self._number)
        self._srt.srt_cleanup()


def _set(srt: ctypes.CDLL, number: int, option: int, value: bytes) -> None:
    _done(srt, srt.srt_setsockflag(number, option, value, len(value)))


def _done(srt: ctypes.CDLL, result: int) -> None:
    if result < 0:
        raise SrtError(str(srt.srt_getlasterror_str().decode(errors="replace")))
