"""By what gateway, edges and shield know each other: certificates from the stack's seed, each trusted for itself (decision 0123).

They go by the epochs of the signing keys (decision 0293). Everybody shows the certificate of the newest, and trusts those of all that are
accepted, and that of the next one before it is there. So at every step of `huiju secrets renew` who has taken it and who has not yet know
each other, and caches begin anew only with the steps at which whoever verifies tokens does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.x509.oid import ObjectIdentifier

from catalog import names
from derive import cache_pod, cache_tree, pinned
from derive.signing import Ring

Files = dict[str, str]
"""Entries of a Secret: own pairs, and the certificates that are trusted."""


@dataclass(frozen=True)
class _Part:
    """Whose certificate, and for which side of a connection."""

    purpose: str
    """From which its key is derived; it never changes."""
    host: str
    usage: ObjectIdentifier


_GATEWAY = _Part(f"caches/{names.GATEWAY}", names.GATEWAY, pinned.CLIENT)
_SHIELD = _Part("caches/shield", cache_tree.shield_host(), pinned.SERVER)


def _asking(district: str) -> _Part:
    """An edge to the shield."""
    space = names.edge_namespace(district)
    return _Part(f"caches/{space}", space, pinned.CLIENT)


def _answering(district: str) -> _Part:
    """An edge to the gateway."""
    return _Part(f"caches/{names.edge_namespace(district)}/server", cache_tree.edge_service(district), pinned.SERVER)


@dataclass(frozen=True)
class CacheTls:
    """The certificates of one stack."""

    seed: str = field(repr=False)
    ring: Ring

    def of_shield(self, districts: Sequence[str]) -> Files:
        """The shield's files: it answers the gateway and the edges of ``districts``, and nobody else."""
        clients = (_GATEWAY, *map(_asking, districts))
        return {**self._pair(_SHIELD), cache_pod.CLIENTS: "".join(map(self._known, clients))}

    def of_edge(self, district: str) -> Files:
        """An edge's files: it asks the shield and nobody else, and answers the gateway and nobody else."""
        answering = self._pair(_answering(district))
        return {
            **self._pair(_asking(district)),
            cache_pod.SERVER_CERTIFICATE: answering["tls.crt"],
            cache_pod.SERVER_KEY: answering["tls.key"],
            cache_pod.TRUSTED: self.shield(),
            cache_pod.CLIENTS: self._known(_GATEWAY),
        }

    def of_gateway(self) -> Files:
        """What the gateway shows to every cache: the entries of a `kubernetes.io/tls` Secret."""
        return self._pair(_GATEWAY)

    def shield(self) -> str:
        """Certificates by which the shield is known."""
        return self._known(_SHIELD)

    def edge(self, district: str) -> str:
        """Certificates by which the edge of ``district`` is known."""
        return self._known(_answering(district))

    def _pair(self, part: _Part) -> Files:
        return self._of(part, max(self.ring.accepted))

    def _known(self, part: _Part) -> str:
        epochs = {*self.ring.accepted, self.ring.beside or self.ring.signs + 1}
        return "".join(self._of(part, epoch)["tls.crt"] for epoch in sorted(epochs))

    def _of(self, part: _Part, epoch: int) -> Files:
        return pinned.pair(self.seed, part.purpose, (part.host,), part.usage, epoch)
