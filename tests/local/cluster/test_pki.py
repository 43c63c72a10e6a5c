"""Certificates say what they must, last, and are made anew only when they have to be."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from local.cluster import pki

SERVER = pki.Leaf("server", "ca", "someone", ("some-group",), ("name.example", "192.0.2.9"))


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_leaf_is_issued_by_its_authority_for_its_names(tmp_path: Path) -> None:
    pki.ensure(tmp_path, SERVER)
    leaf = _load(tmp_path / "server.crt")
    leaf.verify_directly_issued_by(_load(tmp_path / "ca.crt"))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["name.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.9"]
    assert "O=some-group" in leaf.subject.rfc4514_string()


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    pki.ensure_all(tmp_path, [SERVER])
    for key in tmp_path.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    pki.ensure(tmp_path, SERVER)
    before = (tmp_path / "server.crt").read_text()
    pki.ensure(tmp_path, SERVER)
    assert (tmp_path / "server.crt").read_text() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "server.crt").write_text("torn"),
        lambda folder: (folder / "server.key").unlink(),
        lambda folder: ((folder / "ca.crt").unlink(), (folder / "ca.key").unlink()),
    ],
    ids=["torn", "key lost", "another authority"],
)
def test_a_bad_certificate_is_replaced(tmp_path: Path, spoil: object) -> None:
    pki.ensure(tmp_path, SERVER)
    before = (tmp_path / "server.crt").read_text()
    assert callable(spoil)
    spoil(tmp_path)
    pki.ensure(tmp_path, SERVER)
    assert (tmp_path / "server.crt").read_text() != before
    _load(tmp_path / "server.crt").verify_directly_issued_by(_load(tmp_path / "ca.crt"))


def test_a_new_address_makes_a_new_certificate(tmp_path: Path) -> None:
    pki.ensure(tmp_path, SERVER)
    before = (tmp_path / "server.crt").read_text()
    pki.ensure(tmp_path, pki.Leaf("server", "ca", "someone", ("some-group",), ("name.example", "192.0.2.10")))
    assert (tmp_path / "server.crt").read_text() != before


@pytest.mark.parametrize(("left", "kept"), [(pki.RENEW_DAYS + 1, True), (pki.RENEW_DAYS - 1, False)])
def test_a_certificate_is_renewed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, kept: bool
) -> None:
    pki.ensure(tmp_path, SERVER)
    before = (tmp_path / "server.crt").read_text()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=pki.LEAF_DAYS - left)
    monkeypatch.setattr(pki, "_now", lambda: later)
    pki.ensure(tmp_path, SERVER)
    assert ((tmp_path / "server.crt").read_text() == before) is kept


def test_a_client_certificate_may_not_serve(tmp_path: Path) -> None:
    pki.ensure(tmp_path, pki.Leaf("client", "ca", "someone"))
    usage = _load(tmp_path / "client.crt").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_no_component_but_the_admin_is_in_a_group_that_may_do_everything() -> None:
    almighty = {leaf.name for leaf in pki.leaves("node", "192.0.2.2", "10.96.0.1") if "system:masters" in leaf.groups}
    assert almighty == {"admin"}


def test_the_users_kubeconfig_needs_no_other_file(tmp_path: Path) -> None:
    pki.ensure_all(tmp_path, pki.leaves("node", "192.0.2.2", "10.96.0.1"))
    text = pki.kubeconfig(tmp_path, "admin", "https://192.0.2.2:6443", embed=True)
    assert str(tmp_path) not in text
