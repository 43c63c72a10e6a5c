"""Who sends: the school whose certificate the gateway has verified."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography.x509 import Name
from cryptography.x509.oid import NameOID

from services.intake.refusal import Reason, Refused

HEADER = "x-forwarded-client-cert"
"""Set by the gateway alone; it drops what a client sends under this name."""
_VERIFIED = re.compile(r'(?:By=[^",;]*;)?Hash=[0-9a-f]{64};Subject="((?:[^"\\]|\\.)*)"')
"""Exactly one certificate, as Envoy writes it (the subject by RFC 4514, whose escapes are the only ones):
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers
"""


def school(headers: Sequence[str], known: frozenset[str]) -> str:
    """The code in the certificate's common name. Raises `Refused` unless there is exactly one and it is a school's."""
    found = _VERIFIED.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None:
        raise Refused(Reason.NO_CERTIFICATE, "the request does not come from the gateway with one verified certificate")
    names = _common_names(found[1])
    if len(names) != 1:
        raise Refused(Reason.NO_CERTIFICATE, "the certificate has not exactly one common name")
    if names[0] not in known:
        raise Refused(Reason.UNKNOWN_SCHOOL, "the city's catalog has no school of the certificate's code")
    return names[0]


def _common_names(subject: str) -> list[str]:
    try:
        parts = Name.from_rfc4514_string(subject).get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return []
    return [str(part.value) for part in parts]
