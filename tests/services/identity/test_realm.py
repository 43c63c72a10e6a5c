"""Bringing the realm about, as far as it can be seen without Keycloak; the rest is `tests/integration/test_identity.py`."""

from __future__ import annotations

import json
from typing import Any

import httpx

from services.identity.admin import Admin
from services.identity.realm import RIGHT, _off

TOP = "/admin/realms/city"


class Clients:
    """Keycloak with one client of its own."""

    def __init__(self) -> None:
        self.client: dict[str, Any] = {"id": "7", "clientId": "admin-cli", "enabled": True, "publicClient": True}
        self.written = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            assert request.url.path == f"{TOP}/clients/7"
            self.client, self.written = json.loads(request.content), self.written + 1
            return httpx.Response(204)
        found = [self.client] if request.url.params["clientId"] == self.client["clientId"] else []
        return httpx.Response(200, json=found)


def test_a_client_is_switched_off_once_and_nothing_else_of_it_changes() -> None:
    keycloak = Clients()
    before = {**keycloak.client}
    with Admin("http://identity.test", httpx.MockTransport(keycloak.answer)) as admin:
        assert _off(admin, TOP, "admin-cli") == "switched off"
        assert keycloak.client == {**before, "enabled": False}
        assert _off(admin, TOP, "admin-cli") == RIGHT
        assert _off(admin, TOP, "not-there") == RIGHT
    assert keycloak.written == 1
