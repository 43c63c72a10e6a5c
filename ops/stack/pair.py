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

from catalog.errors import UserError
from derive import keys
from local import paths
from ops.stack.alone import alone
from ops.stack.store import FolderStore

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
    def fits(self) -> bool:
        """Whether the key is the certificate's. One that cannot be read is not."""
        try:
            key = serialization.load_pem_private_key(self.key.encode(), None)
            return key.public_key() == self.parsed.public_key()
        except ValueError:
            return False

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
    with alone(_lock()):
        return _read(name)


def keep(name: str, pair: Pair) -> Pair:
    """Put the pair in the place of the one called ``name``."""
    with alone(_lock()):
        return _put(name, pair)


def standing(name: str, title: str) -> Pair:
    """The authority called ``name``, made when there is none. Raises `UserError` when its key is not its certificate's."""
    with alone(_lock()):
        found = _read(name) or _put(name, authority(title))
    if not found.fits:
        raise UserError(
            f"{folder()}/{name}.crt and {name}.key do not belong together: put back the one of the two that fits the other, from a copy. "
            "Where there is none, delete both and run the same command again: it makes a new authority, "
            "whose certificate whoever trusts the former one has to be given"
        )
    return found


def _lock() -> Path:
    return folder().with_suffix(".lock")


def _read(name: str) -> Pair | None:
    """The pair; one whose replacement was cut off between key and certificate is finished."""
    certificate, key = folder() / f"{name}.crt", folder() / f"{name}.key"
    if not (certificate.exists() and key.exists()):
        return None
    found, part = Pair(certificate.read_text(), key.read_text()), folder() / f".{name}.crt"
    if found.fits or not part.exists():
        return found
    ahead = Pair(part.read_text(), found.key)
    if not ahead.fits:
        return found
    part.replace(certificate)
    return ahead


def _put(name: str, pair: Pair) -> Pair:
    """Both beside the old ones first, then the key, then the certificate: `_read` finishes what is cut off between the two."""
    texts = {"key": pair.key, "crt": pair.certificate}
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    for suffix, text in texts.items():
        FolderStore(folder()).write(f".{name}.{suffix}", text.encode())
    for suffix in texts:
        (folder() / f".{name}.{suffix}").replace(folder() / f"{name}.{suffix}")
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
