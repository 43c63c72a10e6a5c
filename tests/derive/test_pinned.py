"""Derived certificates: the same each time, good for their hosts, and known by no other."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from derive import pinned

SEED = "a-seed-of-thirty-two-characters-or-more"
HOSTS = ("postgres-rw.database.svc.cluster.local", "postgres-rw")


def test_the_same_seed_gives_the_same_text_and_another_seed_or_purpose_another() -> None:
    first = pinned.pair(SEED, "a", HOSTS)
    assert first == pinned.pair(SEED, "a", HOSTS)
    assert (
        first["tls.crt"] != pinned.pair(SEED, "b", HOSTS)["tls.crt"] != pinned.pair(SEED + "x", "b", HOSTS)["tls.crt"]
    )


def test_another_epoch_is_another_key_under_another_name_and_the_first_has_none() -> None:
    """Envoy's library looks a trusted certificate up by its name, and takes the first one that it finds."""
    first, second = (pinned.pair(SEED, "a", HOSTS, epoch=epoch) for epoch in (1, 2))
    assert first == pinned.pair(SEED, "a", HOSTS)
    assert first["tls.key"] != second["tls.key"]
    subjects = [x509.load_pem_x509_certificate(each["tls.crt"].encode()).subject for each in (first, second)]
    assert subjects[0] != subjects[1]
    assert subjects[0].rfc4514_string() == f"CN={HOSTS[0]}"


def test_the_key_is_in_the_form_that_the_operator_reads() -> None:
    assert pinned.pair(SEED, "a", HOSTS)["tls.key"].startswith("-----BEGIN EC PRIVATE KEY-----")


def test_it_names_its_hosts_and_its_use() -> None:
    certificate = x509.load_pem_x509_certificate(pinned.pair(SEED, "a", HOSTS, pinned.CLIENT)["tls.crt"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(HOSTS)
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [pinned.CLIENT]


def shake(server: Path, trusted: Path, host: str) -> str:
    """A TLS handshake over a socket pair: the certificate of ``server`` judged by ``trusted``; the client's error, or nothing."""
    here, there = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)

    def serve() -> None:
        try:
            with context.wrap_socket(there, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            there.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with ssl.create_default_context(cafile=str(trusted)).wrap_socket(here, server_hostname=host) as secure:
            secure.send(b"x")
    except ssl.SSLError as error:
        return str(error)
    finally:
        here.close()
        thread.join(5)
    return ""


@pytest.mark.parametrize(
    ("trusts", "host", "wrong"),
    [
        ("a", HOSTS[0], ""),
        ("a", HOSTS[1], ""),
        ("a", "elsewhere", "Hostname mismatch"),
        ("b", HOSTS[0], "certificate verify failed"),
    ],
)
def test_who_trusts_it_trusts_it_alone_and_for_its_hosts(tmp_path: Path, trusts: str, host: str, wrong: str) -> None:
    for purpose in ("a", "b"):
        pair = pinned.pair(SEED, purpose, HOSTS)
        (tmp_path / purpose).write_text(pair["tls.crt"] + pair["tls.key"])
        (tmp_path / f"{purpose}.crt").write_text(pair["tls.crt"])
    said = shake(tmp_path / "a", tmp_path / f"{trusts}.crt", host)
    assert (wrong in said) if wrong else not said
