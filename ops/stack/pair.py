"""Certificates with their keys, as this clone keeps them: made whole, in its state folder, keys readable only by their owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from derive import keys
from local import paths

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
"""The longest that browsers accept (CA/Browser Forum, ballot SC31)."""
SKEW = timedelta(hours=1)
"""A clock that is this much behind still takes a new certificate."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Pair({self.parsed.subject.rfc4514_string()})"

    @property
    def parsed(self) -> x509.Certificate:
        """The certificate; the first one, where a chain follows."""
        return x509.load_pem_x509_certificate(self.certificate.encode())

    @property
    def ends(self) -> datetime:
        """When the certificate stops being valid."""
        return self.parsed.not_valid_after_utc

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The key. Raises TypeError for one of another kind than the kit makes."""
        key = serialization.load_pem_private_key(self.key.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("not an EC key")
        return key


def folder() -> Path:
    """Where they are kept."""
    return paths.state_dir() / "ca"


def kept(name: str) -> Pair | None:
    """The pair called ``name``, or None when it was never made."""
    certificate, key = folder() / f"{name}.crt", folder() / f"{name}.key"
    return Pair(certificate.read_text(), key.read_text()) if certificate.exists() and key.exists() else None


def keep(name: str, pair: Pair) -> Pair:
    """The key first and whole, so that a certificate without its key is never found."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    for suffix, text in (("key", pair.key), ("crt", pair.certificate)):
        part = folder() / f".{name}.{suffix}"
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(text)
        part.replace(folder() / f"{name}.{suffix}")
    return pair


def authority(title: str) -> Pair:
    """A new authority, self-signed; its name ends with a part of its key's digest, so that no two are confused."""
    key = ec.generate_private_key(ec.SECP256R1())
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:12]
    name = common_name(f"{title} {paths.clone_id()} {datetime.now(UTC):%Y%m%d} {mark}")
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = builder(name, name, key.public_key(), CA_LIFE).add_extension(usage, critical=True)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Pair(pem(built.sign(key, hashes.SHA256())), keys.pem(key))


def signed(issuer: Pair, built: x509.CertificateBuilder) -> x509.Certificate:
    """The certificate, signed by ``issuer``."""
    key = issuer.private
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return built.add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, life: timedelta
) -> x509.CertificateBuilder:
    """What every certificate of the kit has."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def common_name(text: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate: x509.Certificate) -> str:
    """The certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
