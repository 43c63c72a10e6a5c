"""Ids of registers as the database knows them: keyed hashes, from which nobody without the key finds a student number again.

A school's ids of pupils are often their student or identity numbers, of which there are so few that a plain hash is undone in minutes.
HMAC-SHA-256 under a key that only the stack has, cut to 128 bits: among ten million people two are alike once in 10^24 rosters.
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

PERSON, CHECK = b"huiju/roster/person\0", b"huiju/roster/check\0"
"""What is hashed is named first, so that no two uses of the key ever meet."""
BYTES = 16


class Pseudonyms:
    """The hashes under one key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def __repr__(self) -> str:
        return "Pseudonyms(...)"

    def hexadecimal(self, identity: str) -> str:
        """What stands for the person whom the register calls ``identity``: 32 hex digits, an UUID to PostgreSQL."""
        return hmac.digest(self._key, PERSON + identity.encode(), "sha256")[:BYTES].hex()

    def of(self, identity: str) -> UUID:
        """The same, as people see it."""
        return UUID(hex=self.hexadecimal(identity))

    def mark(self) -> str:
        """What tells this key from another one, and nothing else about it."""
        return hmac.new(self._key, CHECK, hashlib.sha256).hexdigest()[:16]
