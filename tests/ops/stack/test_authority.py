"""The local CA: trusted by what trusts it, renewed in time, kept private."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from ops.stack import authority


def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path: Path) -> None:
    pair = authority.ensure("localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(pair.certificate)
    key.write_text(pair.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_once, args=(listener, server))
        thread.start()
        client = ssl.create_default_context(cafile=str(authority.certificate_file()))
        with (
            socket.create_connection(listener.getsockname()) as plain,
            client.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.recv(5) == b"hello"
        thread.join()


def _serve_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as secure:
        secure.sendall(b"hello")


def test_an_unchanged_wish_makes_nothing_new() -> None:
    assert authority.ensure("localhost") == authority.ensure("localhost")


def test_another_domain_or_a_wish_to_renew_makes_a_new_pair_of_the_same_authority() -> None:
    first = authority.ensure("localhost")
    root = authority.certificate_file().read_text()
    assert authority.ensure("edu.example.org") != first
    assert authority.ensure("edu.example.org", renew=True) != authority.ensure("localhost")
    assert authority.certificate_file().read_text() == root


def test_one_certificate_serves_every_host_and_is_made_anew_when_one_is_added() -> None:
    first = authority.ensure("localhost")
    both = authority.ensure("localhost", "schools.huiju.test")
    assert both != first
    names = both.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "schools.huiju.test"]
    assert authority.ensure("schools.huiju.test") == both


@pytest.mark.parametrize(("left", "renewed"), [(timedelta(days=29), True), (timedelta(days=31), False)])
def test_a_certificate_near_its_end_is_renewed(left: timedelta, renewed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "SERVER_LIFE", left)
    first = authority.ensure("localhost")
    assert (authority.ensure("localhost") != first) is renewed


def test_keys_are_for_their_owner_only() -> None:
    authority.ensure("localhost")
    for name in ("ca.key", "server.key"):
        assert (authority.folder() / name).stat().st_mode & 0o077 == 0
