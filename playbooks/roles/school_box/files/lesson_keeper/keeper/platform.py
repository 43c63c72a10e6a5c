"""Documents of the platform, asked for with the box's certificate, and only sent when they changed."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 20.0
"""Patience with one answer."""
MOST_BYTES = 64 << 20
LATER = 300.0
"""Seconds until a document that was not taken is asked for again: whoever mends it does not do so in five."""
AGENT = {"User-Agent": "huiju-keeper"}
READ_FROM = (http.client.OK, http.client.NOT_MODIFIED, http.client.NOT_FOUND)


class Document:
    """One document at ``path``; the addresses are tried in their order."""

    def __init__(self, addresses: Sequence[str], credentials: Path, path: str) -> None:
        self.path = path
        self.value: Any = None
        """What it said last; None while there is none."""
        self._tag, self._wrong = "", ""
        """What was seen last, and why it was not taken."""
        self._wait_until = 0.0
        self._lines = [line_to(each, credentials) for each in addresses]

    def ask(self) -> bool:
        """Ask for it; whether it changed. OSError when nobody answers, or no document: the value stays."""
        if time.monotonic() < self._wait_until:
            raise OSError(f"{self.path}: {self._wrong}")
        wrong = OSError(f"no platform is named to ask for {self.path}")
        for line in self._lines:
            try:
                return self._ask(line)
            except (OSError, ValueError, http.client.HTTPException) as error:
                line.close()
                if isinstance(error, ValueError):
                    self._wait_until = time.monotonic() + LATER
                wrong = OSError(f"{self.path}: {type(error).__name__}: {error}")
        raise wrong

    def _ask(self, line: http.client.HTTPSConnection) -> bool:
        answer = self._answer(line)
        if answer.status not in READ_FROM:
            raise OSError(f"{answer.status} {answer.reason}")
        if answer.status == http.client.NOT_MODIFIED:
            answer.read()
        else:
            self._wrong, value = _read(answer)
            # Also of what is not taken: by its tag it is known again, and not sent again.
            self._tag = answer.headers.get("ETag", "") if answer.status == http.client.OK else ""
        if self._wrong:
            raise ValueError(self._wrong)
        if answer.status == http.client.NOT_MODIFIED:
            return False
        changed = bool(value != self.value)
        self.value = value
        return changed

    def _answer(self, line: http.client.HTTPSConnection) -> http.client.HTTPResponse:
        headers = {**AGENT, **({"If-None-Match": self._tag} if self._tag else {})}
        try:
            line.request("GET", self.path, headers=headers)
            return line.getresponse()
        except ConnectionError:
            # It was idle for longer than the other side keeps it: asked again on a new one.
            line.close()
            line.request("GET", self.path, headers=headers)
            return line.getresponse()


def _read(answer: http.client.HTTPResponse) -> tuple[str, Any]:
    """Why it is not taken, and what it says; None where there is none. HTTPException where it breaks off."""
    if (answer.length or 0) > MOST_BYTES:
        return f"longer than {MOST_BYTES >> 20} MiB", None
    body = answer.read(MOST_BYTES + 1)
    if answer.length:
        # Python says so only where all is read at once. Taken for the document, its tag would keep the rest away for good.
        raise http.client.IncompleteRead(body, answer.length)
    if len(body) > MOST_BYTES:
        return f"longer than {MOST_BYTES >> 20} MiB", None
    try:
        return "", json.loads(body) if answer.status == http.client.OK else None
    except ValueError as error:
        return str(error), None


def line_to(address: str, credentials: Path) -> http.client.HTTPSConnection:
    """A connection to the platform at ``address``, with the box's certificate."""
    parts = urlsplit(address)
    context = ssl.create_default_context(cafile=str(credentials / "platform.crt"))
    context.load_cert_chain(credentials / "box.crt", credentials / "box.key")
    return http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=SECONDS, context=context)
