"""Pulumi's passphrase encryption, so that settings are written without their values passing through a command line.

The format is the engine's (`v1:nonce:ciphertext`, AES-256-GCM, key by PBKDF2-SHA256 with a million rounds); a test has the
real engine read what this writes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from catalog.errors import UserError

_ROUNDS = 1_000_000
_SALT_BYTES = 8
_NONCE_BYTES = 12
_PROOF = "pulumi"
"""What the engine encrypts into the salt line to recognise the right passphrase."""


class Cipher:
    """Encrypts and decrypts the secrets of one stack."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        self._key, self._salt = _derive(passphrase, salt), salt

    @classmethod
    def fresh(cls, passphrase: str) -> Cipher:
        """A cipher with a new salt."""
        return cls(passphrase, os.urandom(_SALT_BYTES))

    @classmethod
    def of(cls, passphrase: str, salt_line: str) -> Cipher:
        """The cipher of an `encryptionsalt` line. Raises `UserError` when the passphrase is not the right one."""
        _, salt, proof = salt_line.split(":", 2)
        cipher = cls(passphrase, base64.b64decode(salt))
        try:
            cipher.decrypt(proof)
        except InvalidTag:
            raise UserError(
                "the passphrase does not open this stack: put the right one in the passphrase file"
            ) from None
        return cipher

    @property
    def salt_line(self) -> str:
        """The `encryptionsalt` of the stack's settings file."""
        return f"v1:{base64.b64encode(self._salt).decode()}:{self.encrypt(_PROOF)}"

    def encrypt(self, text: str) -> str:
        """Ciphertext as the engine writes it."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> str:
        """The text. Raises `InvalidTag` when the key is not the one."""
        _, nonce, sealed = ciphertext.split(":", 2)
        return AESGCM(self._key).decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None).decode()


@functools.cache
def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS)
