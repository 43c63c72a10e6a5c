"""Keycloak's Admin REST API, as far as the realm needs it: signed in as a client, with JSON in and out."""

from __future__ import annotations

import time
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

ATTEMPTS, PAUSE = 90, 2.0
"""A first start makes the tables: three minutes in all."""
TIMEOUT = 30.0


class SignInError(Exception):
    """Keycloak does not take the administrator's secret."""


class RefusedError(Exception):
    """Keycloak refused a request; says which, and why."""


class Admin:
    """A session of the administrator of everything, at ``url`` (without a slash at its end)."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, transport=transport)
        self._who: tuple[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def wait(self, attempts: int = ATTEMPTS, pause: float = PAUSE) -> None:
        """Return when Keycloak answers; raise its last error after that."""
        for attempt in range(1, attempts + 1):
            try:
                if self._http.get("/realms/master").is_success:
                    return
            except httpx.HTTPError:
                if attempt == attempts:
                    raise
            time.sleep(pause)
        raise RefusedError("Keycloak does not become ready")

    def sign_in(self, client: str, secret: str) -> None:
        """As the client; anew whenever Keycloak says that the token, which lasts a minute, has ended. Raises `SignInError`."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = self._http.post("/realms/master/protocol/openid-connect/token", data=form)
        if not answer.is_success:
            raise SignInError(f"Keycloak does not take the secret of {client} ({answer.status_code})")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self._who = (client, secret)

    def renew_own_secret(self, client: str, secret: str) -> None:
        """Replace the secret of the client that is signed in."""
        (found,) = self.get("/admin/realms/master/clients", clientId=client)
        self.put(f"/admin/realms/master/clients/{found['id']}", {**found, "secret": secret})
        self._who = (client, secret)

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  # any JSON
        """What is there; None for nothing."""
        answer = self._ask("GET", path, params=parameters)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _checked(answer).json()

    def post(self, path: str, body: object) -> str:
        """Make it; its id, from where Keycloak says that it is."""
        return str(_checked(self._ask("POST", path, json=body)).headers.get("Location", "")).rpartition("/")[2]

    def put(self, path: str, body: object) -> None:
        """Replace it."""
        _checked(self._ask("PUT", path, json=body))

    def delete(self, path: str, body: object = None) -> None:
        """Take it away; with a body, those that it names."""
        _checked(self._ask("DELETE", path, json=body))

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401  # what httpx takes
        answer = self._http.request(method, path, **more)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self._who:
            self.sign_in(*self._who)
            return self._http.request(method, path, **more)
        return answer


def _checked(answer: httpx.Response) -> httpx.Response:
    """Raises `RefusedError` with Keycloak's own words; never with what was sent."""
    if answer.is_success:
        return answer
    raise RefusedError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
