"""Who was let through lately: a yes that is on record counts for a while, so that a page of many questions is one decision."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from datetime import datetime
from typing import Final

MOST: Final = 10_000
"""Passes kept; of more the oldest go, and are decided anew."""


class Passes:
    """Passes of one process, by a hash of the session's token and the version of the rules that said yes."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._lock = most, threading.Lock()
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def holds(self, token: str, version: str, now: datetime) -> bool:
        """Whether ``token`` was let through by these rules and its pass has not ended at ``now`` (aware)."""
        with self._lock:
            return now.timestamp() < self._until.get(_key(token, version), 0)

    def keep(self, token: str, version: str, until: int) -> None:
        """It was let through, until then, Unix seconds."""
        with self._lock:
            self._until[_key(token, version)] = until
            if len(self._until) > self._most:
                self._until.popitem(last=False)


def _key(token: str, version: str) -> bytes:
    return hashlib.sha256(f"{version} {token}".encode()).digest()
