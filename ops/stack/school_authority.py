"""The authority that vouches for boxes in schools; apart from the platform's own, so that neither can speak for the other.

Its certificates are stack config `schoolCa`, which the gateway trusts clients by. When its key is replaced, the former certificate stays
in that list until the last box certificate that it signed has ended, so that no school is cut off; its file says until when.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ops.stack import pair
from ops.stack.pair import Pair

NAME = "schools"
_TITLE = "huiju school CA"
_FORMER = f"{NAME}-until-"


def ensure() -> Pair:
    """The authority, made when it is not there. Raises `UserError` when half of it is another's."""
    return pair.standing(NAME, _TITLE)


def certificate_file() -> Path:
    """The authority's own certificate."""
    return pair.folder() / f"{NAME}.crt"


def bundle() -> str:
    """Every certificate that a box's may be from, in PEM: the authority's own first, then former ones that still count."""
    return ensure().certificate + "".join(path.read_text() for path in former())


def former() -> list[Path]:
    """Files of former authorities that are still trusted; deleting one ends its boxes' access with the next `huiju up`."""
    return [path for path, until in _former() if until >= datetime.now(UTC).date()]


def _former() -> Iterator[tuple[Path, date]]:
    for path in sorted(pair.folder().glob(f"{_FORMER}*.crt")):
        yield path, date.fromisoformat(path.stem.removeprefix(_FORMER))


def rotate() -> Path:
    """Put a new authority in the place of the present one, which is trusted as long as certificates of it may be in use.

    Returns the file that keeps it so.
    """
    before = ensure()
    until = (datetime.now(UTC) + pair.LEAF_LIFE).date()
    where = pair.folder() / f"{_FORMER}{until.isoformat()}.crt"
    with where.open("a") as file:
        file.write(before.certificate)
    pair.keep(NAME, pair.authority(_TITLE))
    return where


def sign(request: x509.CertificateSigningRequest, code: str, host: str) -> str:
    """A certificate in PEM for the box of school ``code`` that answers to ``host``; of the request only the key is taken."""
    authority, key = ensure(), request.public_key()
    usage = x509.KeyUsage(
        digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPublicKey), key_cert_sign=False, crl_sign=False,
        content_commitment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    both = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    built = pair.builder(pair.common_name(code), authority.parsed.subject, key, pair.LEAF_LIFE)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage(both), False),
        (x509.SubjectAlternativeName([x509.DNSName(host)]), False),
    ):
        built = built.add_extension(extension, critical=critical)
    certificate = pair.signed(authority, built)
    _note(code, certificate)
    return pair.pem(certificate)


def record() -> Path:
    """Every certificate that was ever signed: one JSON object a line, oldest first."""
    return pair.folder() / f"{NAME}-signed.jsonl"


def _note(code: str, certificate: x509.Certificate) -> None:
    line = {
        "signed": datetime.now(UTC).isoformat(timespec="seconds"),
        "school": code,
        "serial": f"{certificate.serial_number:x}",
        "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        "ends": certificate.not_valid_after_utc.isoformat(),
        "issuer": certificate.issuer.rfc4514_string(),
    }
    # Appended in one write: two runs at once leave two whole lines.
    handle = os.open(record(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(handle)
