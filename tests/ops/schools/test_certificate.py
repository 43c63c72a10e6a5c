"""`huiju school certificate`: a sound request of a known school is signed; everything that is wrong with another is said at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from catalog import load_named, names
from catalog.errors import UserError
from local import paths
from ops.cli import main
from ops.schools import certificate
from ops.stack import configuration, pair, school_authority

STACK = "test"
PUBLIC: dict[str, Any] = {
    "city": "tiny", "profile": "local", "domain": "localhost", "edgeDomain": "huiju.test",
    "images": {"portal": "huiju.local/portal@sha256:" + "0" * 64}, "gatewayChart": "/charts/gateway-helm",
    "certIssuer": "any",
}  # fmt: skip
CITY = load_named("tiny")
CODE, OTHER = (school.code for school in CITY.schools[:2])
HOST = names.edge_host(CODE, "huiju.test")
Key = CertificateIssuerPrivateKeyTypes


@pytest.fixture(autouse=True)
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack of this clone that trusts its school CA."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    configuration.ensure(STACK, configuration.Wanted({**PUBLIC, "schoolCa": school_authority.bundle()}, {}))


def request(
    name: str | None = CODE,
    *extensions: x509.ExtensionType,
    key: Callable[[], Key] = lambda: ec.generate_private_key(ec.SECP256R1()),
) -> str:
    """A request in PEM."""
    subject = x509.Name([]) if name is None else pair.common_name(name)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    made = key()
    hashed = None if isinstance(made, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(made, hashed).public_bytes(serialization.Encoding.PEM).decode()


def names_of(*hosts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])


@pytest.mark.parametrize(
    "csr",
    [
        request(),
        request(None),
        request(CODE, names_of(HOST)),
        request(CODE, x509.BasicConstraints(ca=False, path_length=None)),
        request(key=lambda: ec.generate_private_key(ec.SECP384R1())),
        request(key=lambda: rsa.generate_private_key(65537, 2048)),
    ],
)
def test_a_sound_request_is_signed_for_the_school(csr: str) -> None:
    made = x509.load_pem_x509_certificate(certificate.sign(CODE, csr, STACK).encode())
    assert [part.value for part in made.subject] == [CODE]
    assert made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names_of(HOST)
    made.verify_directly_issued_by(school_authority.ensure().parsed)


@pytest.mark.parametrize(
    ("csr", "says"),
    [
        (request(OTHER), "request of another box"),
        (request(CODE, names_of(HOST, "www.example.org")), "'www.example.org'"),
        (request(CODE, names_of(names.edge_host(OTHER, "huiju.test"))), OTHER),
        (request(CODE, x509.BasicConstraints(ca=True, path_length=0)), "an authority itself"),
        (request(key=lambda: ec.generate_private_key(ec.SECP192R1())), "must be EC"),
        (request(key=lambda: rsa.generate_private_key(65537, 1024)), "must be EC"),
        (request(key=ed25519.Ed25519PrivateKey.generate), "must be EC"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "no certificate request"),
        ("", "no certificate request"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate request"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason_and_nothing_is_recorded(csr: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        certificate.sign(CODE, csr, STACK)
    assert not school_authority.record().exists()


def test_all_that_is_wrong_is_said_at_once() -> None:
    csr = request(OTHER, names_of("x.example.org"), key=lambda: rsa.generate_private_key(65537, 1024))
    with pytest.raises(UserError) as caught:
        certificate.sign(CODE, csr, STACK)
    assert all(each in str(caught.value) for each in ("another box", "x.example.org", "must be EC"))


def test_a_request_that_was_tampered_with_is_refused() -> None:
    sound = x509.load_pem_x509_csr(request().encode()).public_bytes(serialization.Encoding.DER)
    spoilt = x509.load_der_x509_csr(sound.replace(CODE.encode(), OTHER.encode()))
    with pytest.raises(UserError, match="not by its own key"):
        certificate.sign(OTHER, spoilt.public_bytes(serialization.Encoding.PEM).decode(), STACK)


@pytest.mark.parametrize("code", ["0000000000", "", "x' OR 1", f"{CODE}0", "../" + CODE])
def test_a_code_that_the_catalog_does_not_have_is_refused(code: str) -> None:
    with pytest.raises(UserError, match="is no school of"):
        certificate.sign(code, request(None), STACK)


def test_the_school_ca_s_own_key_is_not_signed() -> None:
    with pytest.raises(UserError, match="school CA's own"):
        certificate.sign(CODE, request(key=lambda: school_authority.ensure().private), STACK)


def test_a_platform_that_does_not_trust_this_ca_is_named_with_what_to_do(tmp_path: Path) -> None:
    configuration.ensure(STACK, configuration.Wanted(PUBLIC, {}))
    with pytest.raises(UserError, match=f"huiju up --stack {STACK}"):
        certificate.sign(CODE, request(), STACK)
    own = configuration.file(STACK)
    own.write_text(own.read_text().split("\n", 1)[1])
    with pytest.raises(UserError, match=r"huiju school authority \| pulumi config set huiju:schoolCa --stack test"):
        certificate.sign(CODE, request(), STACK)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Exit code of `huiju school certificate`."""
    monkeypatch.setattr(sys, "argv", ["huiju", "school", "certificate", *words, "--stack", STACK])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_the_command_writes_the_file_whole_and_signs_again_to_renew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csr, out = tmp_path / "box.csr", tmp_path / "box.crt"
    csr.write_text(request())
    assert run(monkeypatch, CODE, "--csr", str(csr), "--out", str(out)) == 0
    first = x509.load_pem_x509_certificate(out.read_bytes())
    assert run(monkeypatch, CODE, "--csr", str(csr), "--out", str(out)) == 0
    second = x509.load_pem_x509_certificate(out.read_bytes())
    assert (first.serial_number, first.public_key()) != (second.serial_number, second.public_key())
    assert first.public_key() == second.public_key()
    assert "valid until" in capsys.readouterr().out
    assert run(monkeypatch, CODE, "--csr", str(csr)) == 0
    assert capsys.readouterr().out.startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 100_000])
def test_a_file_that_is_no_request_is_one_clear_message(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csr = tmp_path / "box.csr"
    if content is not None:
        csr.write_bytes(content)
    assert run(monkeypatch, CODE, "--csr", str(csr)) == 1
    shown = capsys.readouterr().err
    assert "error:" in shown
    assert "openssl req" in shown
