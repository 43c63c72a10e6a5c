"""`huiju school certificate`: sign what a box in a school asks for, after a look at whether it is that school's box."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from catalog import load_named, names
from catalog.errors import UserError
from ops import school_codes
from ops.stack import configuration, school_authority

MOST_BYTES = 64 * 1024
"""A request is 1 to 2 kB."""
RSA_BITS = range(2048, 4097)
CURVES = (ec.SECP256R1, ec.SECP384R1)
"""What the gateway takes from clients."""
_HOW = (
    "A box makes its key and its request with\n    "
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout box.key -out box.csr -subj /CN=CODE"
)

Code = Annotated[str, typer.Argument(metavar="CODE", help="Code of the school.")]
Csr = Annotated[Path, typer.Option("--csr", metavar="FILE", help="The box's request (PKCS 10, PEM).")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the certificate goes; else printed.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]


def command(code: Code, csr: Csr, out: Out = None, stack: Stack = "local") -> None:
    """Sign a school box's certificate request. To renew, sign again: the certificate before stays valid until it ends."""
    certificate = sign(code, read(csr), stack)
    if out is None:
        typer.echo(certificate, nl=False)
        return
    part = out.with_name(f".{out.name}.part")
    part.write_text(certificate)
    part.replace(out)
    ends = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    typer.echo(f"{out}: certificate of school {code}, valid until {ends:%Y-%m-%d}")


def read(csr: Path) -> str:
    """The text of the request. Raises `UserError` when it cannot be one."""
    try:
        with csr.open("rb") as file:
            return file.read(MOST_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UserError(f"{csr}: {reason}. {_HOW}") from error


def sign(code: str, csr: str, stack: str = "local") -> str:
    """The certificate in PEM for the request ``csr`` in PEM. Raises `UserError` with everything that is wrong."""
    settings = configuration.settings(stack)
    city = load_named(str(settings.get("city") or "tiny"))
    if code not in city.by_code:
        raise UserError(school_codes.unknown(code, city))
    try:
        request = x509.load_pem_x509_csr(csr.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UserError(f"this is no certificate request in PEM. {_HOW}") from error
    host = names.edge_host(code, str(settings.get("edgeDomain") or settings["domain"]))
    problems = [*_problems(request, code, host), *_of_trust(stack, str(settings.get("schoolCa") or ""))]
    if problems:
        raise UserError(f"not signed for school {code}:\n  " + "\n  ".join(problems))
    return school_authority.sign(request, code, host)


def _problems(request: x509.CertificateSigningRequest, code: str, host: str) -> Iterator[str]:
    """What speaks against signing: a broken request, a weak key, or that it was made for someone else."""
    yield from _of_key(request)
    said = [str(part.value) for part in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if any(name != code for name in said):
        yield f"it asks for the name {', '.join(map(repr, said))}: is it the request of another box?"
    try:
        extensions = [extension.value for extension in request.extensions]
    except (ValueError, x509.DuplicateExtension):
        yield "its extensions cannot be read"
        return
    for extension in extensions:
        if isinstance(extension, x509.SubjectAlternativeName):
            others = [str(name.value) for name in extension if name != x509.DNSName(host)]
            if others:
                yield f"it asks for {', '.join(map(repr, others))}; a box of this school only answers to {host!r}"
        if isinstance(extension, x509.BasicConstraints) and extension.ca:
            yield "it asks to be an authority itself"


def _of_key(request: x509.CertificateSigningRequest) -> Iterator[str]:
    try:
        key = request.public_key()
        if not request.is_signature_valid:
            yield "its signature is not by its own key: it was damaged or put together by hand"
    except (UnsupportedAlgorithm, ValueError):
        yield "its key is of a kind that is not known here"
        return
    strong = (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS
    )
    if not strong:
        yield "its key must be EC (P-256 or P-384) or RSA of 2,048 to 4,096 bits"
    if key == school_authority.ensure().parsed.public_key():
        yield "its key is the school CA's own"


def _of_trust(stack: str, trusted: str) -> Iterator[str]:
    """Whether the platform of the stack will take what is signed here."""
    if school_authority.ensure().certificate.strip() in trusted:
        return
    if configuration.generated(stack):
        yield f"the platform does not know this clone's school CA yet: run `huiju up --stack {stack}`"
        return
    yield (
        f"the platform of stack {stack!r} does not trust this clone's school CA. Sign where its CA is kept, or make it trust this one:\n"
        f"    huiju school authority | pulumi config set huiju:schoolCa --stack {stack}\n"
        f"    huiju up --stack {stack}"
    )
