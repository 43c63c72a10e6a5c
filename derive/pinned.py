"""Certificates that two parts of the platform know each other by: derived from the stack's seed, and trusted one by one.

Such a certificate is its own authority. It cannot depend on the day on which it is derived, or every run would change it; it ends with
its seed instead, which a new one replaces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from derive import keys

BEGINS: Final = datetime(2026, 1, 1, tzinfo=UTC)
ENDS: Final = datetime(2046, 1, 1, tzinfo=UTC)
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH


def pair(
    seed: str, purpose: str, hosts: Sequence[str], usage: ObjectIdentifier = SERVER, epoch: int = 1
) -> dict[str, str]:
    """Entries of a `kubernetes.io/tls` Secret for ``hosts`` (the first one names it); the same for the same seed, purpose and epoch."""
    key = keys.private_key(seed, purpose, epoch)
    public = key.public_key()
    # Among trusted ones BoringSSL looks a certificate up by its name, and takes the first: those of two epochs must not share one.
    told_apart = [x509.NameAttribute(NameOID.DN_QUALIFIER, str(epoch))] if epoch > 1 else []
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0]), *told_apart])
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    serial = int.from_bytes(hashlib.sha256(public.public_bytes(*form)).digest()[:8], "big") | 1
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=public, serial_number=serial)
        .not_valid_before(BEGINS)
        .not_valid_after(ENDS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    traditional = (
        serialization.Encoding.PEM,
        # PostgreSQL's operator reads no other form.
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return {"tls.crt": text, "tls.key": key.private_bytes(*traditional).decode()}
