"""By whose certificates the platform of a stack is known from here: for whatever asks it at its public address."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from catalog.errors import UserError


def authorities(settings: Mapping[str, Any]) -> str:
    """Certificates (PEM) that count beside the system's: the named issuer's, else the served chain, as the prober has it."""
    return issuer(settings) or str(settings.get("tlsCert") or "")


def context(settings: Mapping[str, Any]) -> ssl.SSLContext:
    """The system's authorities and these."""
    found = ssl.create_default_context()
    if own := authorities(settings):
        found.load_verify_locations(cadata=own)
        # A chain of one's own need not hold its root.
        found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return found


def issuer(settings: Mapping[str, Any]) -> str:
    """`huiju:platformCa`, empty where it is not set. Raises `UserError` when it is no list of certificates."""
    given = str(settings.get("platformCa") or "")
    try:
        if given:
            x509.load_pem_x509_certificates(given.encode())
    except ValueError as error:
        raise UserError(f"huiju:platformCa is no list of certificates in PEM: {error}") from error
    return given
