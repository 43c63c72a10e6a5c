"""The school CA: apart from the platform's, kept private, replaced without cutting a school off."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from ops.stack import authority, pair, school_authority

CODE, HOST = "9990100001", "9990100001.edge.huiju.test"


def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> x509.CertificateSigningRequest:
    """What a box asks for."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(pair.common_name("whatever it says"))
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def box() -> x509.Certificate:
    """A box's certificate."""
    return x509.load_pem_x509_certificate(school_authority.sign(request(), CODE, HOST).encode())


def trusted_by(bundle: str, certificate: x509.Certificate) -> bool:
    """Whether a gateway with this bundle lets the client in."""
    verifier = PolicyBuilder().store(Store(x509.load_pem_x509_certificates(bundle.encode()))).build_client_verifier()
    try:
        verifier.verify(certificate, [])
    except VerificationError:
        return False
    return True


def test_a_box_s_certificate_names_its_school_its_host_and_both_uses_and_nothing_of_the_request() -> None:
    made = box()
    assert [part.value for part in made.subject] == [CODE]
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = {type(each.value): each.value for each in made.extensions}
    assert found[x509.SubjectAlternativeName] == x509.SubjectAlternativeName([x509.DNSName(HOST)])
    assert set(found[x509.ExtendedKeyUsage]) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert found[x509.BasicConstraints] == x509.BasicConstraints(ca=False, path_length=None)
    assert made.not_valid_after_utc - datetime.now(UTC) <= timedelta(days=397)


def test_the_school_ca_and_the_platform_s_do_not_vouch_for_each_other() -> None:
    server = authority.ensure("localhost").parsed
    platform = authority.certificate_file().read_text()
    assert trusted_by(school_authority.bundle(), box())
    assert not trusted_by(platform, box())
    assert not trusted_by(school_authority.bundle(), server)


def test_a_new_key_leaves_boxes_of_the_old_one_in_and_signs_with_the_new_one() -> None:
    old, before = box(), school_authority.ensure().certificate
    school_authority.rotate()
    new, bundle = box(), school_authority.bundle()
    assert school_authority.ensure().certificate != before
    assert trusted_by(bundle, old)
    assert trusted_by(bundle, new)
    assert not trusted_by(before, new)


def test_twice_on_one_day_keeps_both_former_ones() -> None:
    boxes = [box()]
    for _ in range(2):
        school_authority.rotate()
        boxes.append(box())
    assert all(trusted_by(school_authority.bundle(), each) for each in boxes)


@pytest.mark.parametrize(("days", "still"), [(397, True), (398, False)])
def test_a_former_authority_is_trusted_as_long_as_its_last_certificate_lasts(
    days: int, still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = box()
    school_authority.rotate()

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=days)

    monkeypatch.setattr(school_authority, "datetime", Later)
    assert (old.issuer.rfc4514_string() in _issuers(school_authority.bundle())) is still


def _issuers(bundle: str) -> set[str]:
    return {each.subject.rfc4514_string() for each in x509.load_pem_x509_certificates(bundle.encode())}


def test_deleting_a_former_authority_s_file_ends_its_boxes_access() -> None:
    old = box()
    school_authority.rotate().unlink()
    assert not trusted_by(school_authority.bundle(), old)


def test_keys_and_the_record_are_for_their_owner_only_and_the_record_has_every_certificate() -> None:
    made = [box(), box()]
    for name in ("schools.key", "schools-signed.jsonl"):
        assert (pair.folder() / name).stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in school_authority.record().read_text().splitlines()]
    assert [line["serial"] for line in lines] == [f"{each.serial_number:x}" for each in made]
    assert {line["school"] for line in lines} == {CODE}


def test_a_pair_does_not_show_its_key_when_printed() -> None:
    assert "PRIVATE KEY" not in repr(school_authority.ensure())
