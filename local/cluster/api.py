"""A small client of the embedded cluster's API server, for the checks that ``up`` repeats (a kubectl start costs 0.1 s of CPU)."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from local.cluster.components import API_PORT
from local.cluster.layout import Layout
from local.cluster.plan import Network


class Api:
    """Requests with the admin's certificate."""

    def __init__(self, layout: Layout, network: Network) -> None:
        self._pki: Path = layout.pki
        self._node = network.node
        # From the link's own address: while there is no link, nothing must leave by the default route.
        self._source = (network.host, 0)
        self._context: ssl.SSLContext | None = None

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            self._context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        return self._context

    def get(self, path: str, seconds: float = 3.0) -> tuple[int, str]:
        """Status and body; status 0 and the reason when nothing answers."""
        try:
            connection = http.client.HTTPSConnection(
                self._node, API_PORT, timeout=seconds, context=self._tls(), source_address=self._source
            )
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)

    def find(self, path: str) -> dict[str, Any] | None:
        """An object, or None when it is not there (or nothing answers)."""
        status, body = self.get(path)
        return dict(json.loads(body)) if status == http.HTTPStatus.OK else None
