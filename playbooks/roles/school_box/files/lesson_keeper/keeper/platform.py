"""Documents of the platform, asked for with the box's certificate, and only sent when they changed."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 20.0
"""Patience with one answer."""
MOST_BYTES = 64 << 20
AGENT = {"User-Agent": "huiju-keeper"}
READ_FROM = (http.client.OK, http.client.NOT_MODIFIED, http.client.NOT_FOUND)


class Document:
    """One document at ``path``; the addresses are tried in their order."""

    def __init__(self, addresses: Sequence[str], credentials: Path, path: str) -> None:
        self.path = path
        self.value: Any = None
        """What it said last; None while there is none."""
        self._tag = ""
        self._lines = [line_to(each, credentials) for each in addresses]

    def ask(self) -> bool:
        """Ask for it; whether it changed. OSError or ValueError when nobody answers, or no document: the value stays."""
        wrong = OSError(f"no platform is named to ask for {self.path}")
        for line in self._lines:
            try:
                return self._ask(line)
            except (OSError, ValueError, http.client.HTTPException) as error:
                line.close()
                wrong = OSError(f"{self.path}: {type(error).__name__}: {error}")
        raise wrong

    def _ask(self, line: http.client.HTTPSConnection) -> bool:
        answer = self._answer(line)
        body = answer.read(MOST_BYTES)
        if answer.status not in READ_FROM:
            raise OSError(f"{answer.status} {answer.reason}")
        if answer.status == http.client.NOT_MODIFIED:
            return False
        value = json.loads(body) if answer.status == http.client.OK else None
        changed = bool(value != self.value)
        self.value, self._tag = value, answer.headers.get("ETag", "") if value is not None else ""
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


def line_to(address: str, credentials: Path) -> http.client.HTTPSConnection:
    """A connection to the platform at ``address``, with the box's certificate."""
    parts = urlsplit(address)
    context = ssl.create_default_context(cafile=str(credentials / "platform.crt"))
    context.load_cert_chain(credentials / "box.crt", credentials / "box.key")
    return http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=SECONDS, context=context)
