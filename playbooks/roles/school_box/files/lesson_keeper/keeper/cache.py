"""The box's own cache, over loopback: what it holds, fetching into it, filling it, and giving up."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from urllib.parse import urlsplit

SECONDS = 30.0
BLOCK = 64 << 10
_NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
LESSON_PATH = re.compile(f"/lessons/{_NAME}(/{_NAME})*")
"""Paths of lessons' objects; nothing else is asked for, whatever a document says."""
PURGE_PATH = re.compile(f"/lessons/{_NAME}(/~download)?(/{_NAME})*")
"""What may be given up: those, and what viewers took away through the box. No plan and no stick brings that."""

STALE = ("110", "111")
"""How the Warning of an answer begins that is past its age and is given while the platform cannot be asked (RFC 7234, 5.5)."""


class Cache:
    """The cache at ``address`` (scheme, host, port); OSError from every question when it does not answer."""

    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        self._line = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=SECONDS)

    def purge(self, paths: Iterable[str]) -> int:
        """Give these up; how many of them were held. Refused when the cache says neither that it was held nor that it was not.

        Skipped, once all others are given up, where some are of no form that this box knows.
        """
        found, skipped = 0, list[str]()
        for path in paths:
            if PURGE_PATH.fullmatch(path):
                found += self._given_up(path)
            else:
                skipped.append(path)
        if skipped:
            raise Skipped(found, skipped)
        return found

    def held(self, path: str) -> int | None:
        """Bytes of the object, fresh in the cache; None when it is not. The platform is not asked."""
        answer = self._ask("HEAD", path, {"Cache-Control": "only-if-cached"})
        self._read(answer)
        fresh = answer.status == http.client.OK and not answer.headers.get("Warning", "").startswith(STALE)
        return int(answer.headers.get("Content-Length", "-1")) if fresh else None

    def fetch(self, path: str, read: Callable[[int], None]) -> int:
        """Have the cache fetch it; its bytes. ``read`` is told of every block and may end it by an error. OSError with the status."""
        answer = self._ask("GET", path, {})
        size = 0
        try:
            while block := self._read(answer, BLOCK):
                size += len(block)
                read(len(block))
        except BaseException:
            self._line.close()
            raise
        if answer.status != http.client.OK:
            raise Refused(answer.status)
        return size

    def fill(self, path: str, head: bytes, blocks: Iterable[bytes], size: int) -> None:
        """Put an answer (``head``, then ``size`` bytes) under this path, as if the platform had given it. OSError when it is not taken."""
        status = self._status("PUSH", path, {"Content-Length": str(len(head) + size)}, chain((head,), blocks))
        if status not in (http.client.OK, http.client.CREATED):
            raise Refused(status)

    def _given_up(self, path: str) -> bool:
        status = self._status("PURGE", path)
        if status not in (http.client.OK, http.client.NOT_FOUND):
            raise Refused(status)
        return status == http.client.OK

    def _status(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Iterable[bytes] | None = None
    ) -> int:
        answer = self._ask(method, path, headers or {}, body)
        self._read(answer)
        return answer.status

    def _read(self, answer: http.client.HTTPResponse, size: int | None = None) -> bytes:
        """So much of the answer, or all. OSError, as from every question, where it breaks off."""
        with self._told():
            data = answer.read(size)
            if not data and answer.length:
                # Python says so only where all is read at once.
                raise http.client.IncompleteRead(data, answer.length)
            return data

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Hang up where the talk breaks off, and have it be an OSError."""
        try:
            yield
        except ConnectionError:
            self._line.close()
            raise
        except http.client.HTTPException as error:
            self._line.close()
            raise OSError(f"the cache: {type(error).__name__}: {error}") from error
        except BaseException:
            self._line.close()
            raise

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Iterable[bytes] | None = None
    ) -> http.client.HTTPResponse:
        if not (PURGE_PATH if method == "PURGE" else LESSON_PATH).fullmatch(path):
            raise ValueError(f"{path!r} is no lesson's path")
        try:
            return self._once(method, path, headers, body)
        except ConnectionError:
            # The cache closes a connection that was idle for two minutes: what it has not heard is said again.
            if body is not None:
                raise
            return self._once(method, path, headers, body)

    def _once(
        self, method: str, path: str, headers: dict[str, str], body: Iterable[bytes] | None
    ) -> http.client.HTTPResponse:
        with self._told():
            self._line.request(method, path, body, headers)
            return self._line.getresponse()


class Skipped(OSError):  # noqa: N818  # what else there was is given up
    """Some paths are of no form that this box knows: the platform is newer than it is."""

    def __init__(self, found: int, paths: list[str]) -> None:
        super().__init__(
            f"{len(paths)} paths are not given up, for instance {paths[0]!r}: this box does not know their form and needs an upgrade"
        )
        self.found = found
        """How many of the others were held."""


class Refused(OSError):  # noqa: N818  # a status, not always a fault
    """The cache answered with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the cache answered {status}")
        self.status = status
