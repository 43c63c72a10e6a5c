"""The certificate authority of this clone and the gateway's certificate, for stacks on this machine.

The key never leaves the clone's state folder; a city's real certificates come from cert-manager or its own files.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from derive import keys
from ops.stack import pair
from ops.stack.pair import Pair

SERVER_LIFE = pair.LEAF_LIFE
RENEW_BEFORE = timedelta(days=30)


def folder() -> Path:
    """Where the authority lives."""
    return pair.folder()


def certificate_file() -> Path:
    """What a browser or curl has to trust."""
    return folder() / "ca.crt"


def ensure(*hosts: str, renew: bool = False) -> Pair:
    """The server's pair for ``hosts``, made when absent or not a pair, for other hosts, near its end, or when ``renew`` asks."""
    authority = pair.standing("ca", "huiju local CA")
    server = pair.kept("server")
    if server is None or renew or not server.fits or not _serves(server, hosts, authority):
        server = pair.keep("server", _issue(authority, hosts))
    return Pair(server.certificate + authority.certificate, server.key)


def _serves(server: Pair, hosts: tuple[str, ...], authority: Pair) -> bool:
    names = server.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    fresh = server.ends - RENEW_BEFORE > datetime.now(UTC)
    named = set(names.get_values_for_type(x509.DNSName))
    return fresh and named >= set(hosts) and server.parsed.issuer == authority.parsed.subject


def _issue(authority: Pair, hosts: tuple[str, ...]) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [name for host in hosts for name in _names(host)]
    built = pair.builder(pair.common_name(hosts[0]), authority.parsed.subject, key.public_key(), SERVER_LIFE)
    built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Pair(pair.pem(pair.signed(authority, built)), keys.pem(key))


def _names(host: str) -> Iterator[x509.GeneralName]:
    yield x509.DNSName(host)
    if host == "localhost":
        yield from (x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1"))
