"""Downloading a release file: resumed, checked against a pinned digest, and given up when the server hangs.

Nothing that fails its check is kept, and nothing is unpacked before it has passed.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from local.settings import Settings
from local.toolchain.report import Say

ATTEMPTS = 3
PAUSE_SECONDS = 0.5
"""Before the second attempt; doubled before each further one."""
CHUNK_BYTES = 256 * 1024
LEAST_BYTES = 16 * 1024
"""A connection that brings less than this in one stall time is as good as dead."""
LIMIT_BYTES = 2 * 2**30
PULSE_SECONDS = 10


class DownloadError(Exception):
    """Why a download did not happen; the message is one line for the user."""


class _PassingError(Exception):
    """Worth another attempt, from where the file stands."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(  # noqa: PLR0917 - the signature is urllib's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise DownloadError(f"{req.full_url} redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, digest: str, part: Path, settings: Settings, say: Say) -> None:
    """Download ``url`` to ``part``, continuing what an earlier run left there, until its content has ``digest`` (``sha256:<hex>``)."""
    part.parent.mkdir(parents=True, exist_ok=True)
    pause, trouble = PAUSE_SECONDS, ""
    for _ in range(ATTEMPTS):
        resumed = part.exists() and part.stat().st_size > 0
        try:
            _transfer(url, part, settings, say)
        except _PassingError as error:
            trouble = str(error)
            time.sleep(pause)
            pause *= 2
            continue
        if digest_of(part, digest) == digest:
            return
        part.unlink()
        trouble = f"{url} does not have the pinned checksum {digest[:20]}..."
        if not resumed:
            break
    raise DownloadError(trouble)


def read_small(url: str, settings: Settings, limit: int = 2**20) -> str:
    """The text of a small file, such as a list of checksums."""
    try:
        with _open(url, {}, settings) as response:
            return response.read(limit).decode("utf-8", "replace")
    except _PassingError as error:
        raise DownloadError(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url}: {error}") from error


def digest_of(path: Path, like: str) -> str:
    """Digest of a file, by the algorithm that ``like`` names."""
    algorithm = like.partition(":")[0]
    with path.open("rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def _transfer(url: str, part: Path, settings: Settings, say: Say) -> None:
    """One connection: append to ``part`` what the server sends, or start over when it cannot continue."""
    have = part.stat().st_size if part.exists() else 0
    with _open(url, {"Range": f"bytes={have}-"} if have else {}, settings) as response:
        if response.status == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the whole file is here already, or it is not this file: the checksum tells
        continues = response.status == http.client.PARTIAL_CONTENT
        have = have if continues else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        if max(total or 0, have) > LIMIT_BYTES:
            raise DownloadError(f"{url} is larger than {LIMIT_BYTES >> 30} GiB")
        with part.open("ab" if continues else "wb") as sink:
            got = _pump(response, sink, _Pulse(url, have, total, settings.releases.stall_seconds, say))
    if total is not None and have + got < total:
        raise _PassingError(f"{url} broke off after {have + got} of {total} bytes")


class _Pulse:
    """Counts what arrives: says so now and then, and notices a connection that brings next to nothing."""

    def __init__(self, url: str, have: int, total: int | None, stall_seconds: float, say: Say) -> None:
        self.url, self.have, self.total, self.stall_seconds, self.say = url, have, total, stall_seconds, say
        self.begun = self.spoke = self.window = time.monotonic()
        self.in_window = 0

    def arrived(self, count: int) -> None:
        now = time.monotonic()
        self.have += count
        self.in_window += count
        if now - self.window > self.stall_seconds:
            if self.in_window < LEAST_BYTES:
                raise _PassingError(f"{self.url} is too slow: {self.in_window} bytes in {now - self.window:.0f} s")
            self.window, self.in_window = now, 0
        if now - self.spoke > PULSE_SECONDS:
            self.spoke = now
            of = f" of {self.total >> 20}" if self.total else ""
            self.say(f"downloading {self.url}: {self.have >> 20}{of} MiB ({now - self.begun:.0f} s)")


def _pump(response: http.client.HTTPResponse, sink: IO[bytes], pulse: _Pulse) -> int:
    got = 0
    try:
        while data := response.read1(CHUNK_BYTES):
            sink.write(data)
            got += len(data)
            pulse.arrived(len(data))
            if pulse.have > LIMIT_BYTES:
                raise DownloadError(f"{pulse.url} is larger than {LIMIT_BYTES >> 30} GiB")
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise _PassingError(
            f"{pulse.url} broke off after {pulse.have} bytes: {error or type(error).__name__}"
        ) from error
    return got


def _open(url: str, headers: dict[str, str], settings: Settings) -> http.client.HTTPResponse:
    """An open response; a refusal is a :class:`DownloadError`, a passing fault a :class:`_PassingError`."""
    request = urllib.request.Request(mirrored(url, settings), headers=headers)  # noqa: S310 - http only by a mirror the user names
    opener = urllib.request.build_opener(_SafeRedirects, urllib.request.ProxyHandler(_proxies(request.host, settings)))
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=settings.releases.stall_seconds)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error  # type: ignore[return-value]  # it has the response's status and context manager
        error.close()
        passing = error.code >= http.client.INTERNAL_SERVER_ERROR or error.code == http.client.TOO_MANY_REQUESTS
        raise (_PassingError if passing else DownloadError)(f"{url}: the server answered {error.code}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise _PassingError(f"{url} cannot be reached: {getattr(error, 'reason', error)}") from error
    return response


def mirrored(url: str, settings: Settings) -> str:
    """The address to ask: the release site's own, or the same path under the configured mirror."""
    if not settings.releases.mirror:
        return url
    parts = urlsplit(url)
    return f"{settings.releases.mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def _proxies(host: str, settings: Settings) -> dict[str, str]:
    """Proxies of the settings, else those of the environment; none for hosts that are reached directly."""
    proxy = settings.proxy
    if not (proxy.http or proxy.https):
        return urllib.request.getproxies()
    direct = urllib.request.proxy_bypass_environment(host, {"no": proxy.no})  # type: ignore[attr-defined]
    chosen = {"http": proxy.http, "https": proxy.https}
    return {} if direct else {scheme: address for scheme, address in chosen.items() if address}
