"""Signing keys of the platform, each derived from the stack's one seed: nothing but the seed has to be kept, rotated or encrypted.

A key is named by what it signs and by its epoch; a new epoch is a new key, and verifiers hold both while the old one's tokens run out.
"""

from __future__ import annotations

import base64
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SESSION: Final = "session"
"""Signs who is there."""
VIDEO: Final = "video"
"""Signs what may be played."""
ALGORITHM: Final = "ES256"

_CURVE = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3)."""
_BYTES: Final = 32
_WIDE: Final = 48
"""Bytes that are reduced modulo the order: 128 bits more than it has, so that the bias is negligible (FIPS 186-5, A.2.1)."""


def private_key(seed: str, purpose: str, epoch: int = 1) -> ec.EllipticCurvePrivateKey:
    """The P-256 key for ``purpose``; the same seed, purpose and epoch always give the same one."""
    wide = HKDF(hashes.SHA256(), _WIDE, salt=None, info=f"huiju/{purpose}/{epoch}".encode()).derive(seed.encode())
    return ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, _CURVE)


def password(seed: str, purpose: str, epoch: int = 1) -> str:
    """40 hex digits (160 bits) for ``purpose`` that nobody can tell from another's."""
    return HKDF(hashes.SHA256(), 20, salt=None, info=f"huiju/{purpose}/{epoch}".encode()).derive(seed.encode()).hex()


def key_id(purpose: str, epoch: int = 1) -> str:
    """``kid`` of the key."""
    return f"{purpose}-{epoch}"


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    """The private key as PEM text (PKCS 8, not encrypted): for a Secret, nowhere else."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def public_jwk(seed: str, purpose: str, epoch: int = 1) -> dict[str, str]:
    """The public half as a JSON Web Key (RFC 7517)."""
    numbers = private_key(seed, purpose, epoch).public_key().public_numbers()
    point = {"x": _base64(numbers.x), "y": _base64(numbers.y)}
    return {"kty": "EC", "crv": "P-256", "alg": ALGORITHM, "use": "sig", "kid": key_id(purpose, epoch), **point}


def _base64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_BYTES, "big")).rstrip(b"=").decode()
