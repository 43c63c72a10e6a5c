"""Accounts in Keycloak, through its Admin REST API, as the client that may do nothing but keep accounts.

Names of paths and fields: Keycloak's Admin REST API, https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from derive import identity

SPARE_SECONDS: Final = 10.0
"""A token is not used any more when it has less than this left."""
PAGE: Final = 500
"""Accounts in one answer of a list."""
TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)


class DownError(Exception):
    """Keycloak does not answer, or does not do what it should: nothing is known to be done."""


class RefusedError(Exception):
    """Keycloak refuses what was asked: ``code`` is its own word for it, the text its own sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class TakenError(RefusedError):
    """There is such an account already."""


@dataclass(frozen=True)
class Account:
    """One account, as Keycloak has it."""

    id: str
    username: str
    enabled: bool
    attributes: Mapping[str, str]
    """The first value of each of ours (`derive.identity.ATTRIBUTES`)."""
    made: int = 0
    """Milliseconds since 1970."""
    whole: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Everything that Keycloak says of it: a change sends all of it back, since what is left out could be taken for removed."""


def account(found: Mapping[str, Any]) -> Account:
    """From Keycloak's `UserRepresentation`."""
    attributes = {key: values[0] for key, values in (found.get("attributes") or {}).items() if values}
    return Account(
        found["id"], found["username"], bool(found["enabled"]), attributes, int(found.get("createdTimestamp") or 0), found
    )  # fmt: skip


class Accounts:
    """The realm's accounts, over ``http``, whose base is Keycloak's address. Every method raises `DownError`."""

    def __init__(self, http: httpx.Client, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._secret, self._clock = http, secret, clock
        self._token, self._ends = "", 0.0

    def find(self, username: str) -> Account | None:
        """The account of this name, in whatever case; None when there is none."""
        rows = self._users(username=username, exact="true")
        return next((each for each in rows if each.username == username.lower()), None)

    def of_person(self, person: str) -> list[Account]:
        """The accounts of somebody in the roster: their own, and one for each outside provider that they came by."""
        rows = self._users(q=f"{identity.ATTRIBUTE_PERSON}:{person}")
        return [each for each in rows if each.attributes.get(identity.ATTRIBUTE_PERSON) == person]

    def listed(self, **query: str) -> Iterator[Account]:
        """Accounts, a page at a time; ``query`` as Keycloak knows it (`enabled`, `q`, `search`)."""
        first = 0
        while rows := self._users(first=str(first), max=str(PAGE), **query):
            yield from rows
            first += len(rows)

    def make(self, username: str, attributes: Mapping[str, str], *, enabled: bool, actions: Sequence[str] = ()) -> str:
        """A new account without a password, and its id. Raises `TakenError`, or `RefusedError` for what it may not be."""
        body = {
            "username": username.lower(), "enabled": enabled, "attributes": _listed(attributes), "requiredActions": list(actions),
        }  # fmt: skip
        try:
            answer = self._ask("POST", "/users", json=body)
        except RefusedError as error:
            raise (
                TakenError(error.code, str(error)) if error.code == str(HTTPStatus.CONFLICT.value) else error
            ) from error
        return answer.headers["Location"].rpartition("/")[2]

    def give_role(self, account_id: str, role: str) -> None:
        """Let the account have a realm role. Raises `RefusedError` when the realm has none of this name."""
        base = f"/users/{account_id}/role-mappings/realm"
        if any(each["name"] == role for each in self._ask("GET", base).json()):
            return
        # What may be given is listed there: reading the realm's roles is more than this client may.
        for each in self._ask("GET", f"{base}/available").json():
            if each["name"] == role:
                self._ask("POST", base, json=[{"id": each["id"], "name": role}])
                return
        raise RefusedError("no-such-role", f"the realm has no role {role!r}: `huiju up` makes it from the catalog")

    def take_role(self, account_id: str, role: str) -> None:
        """Let the account no longer have a realm role."""
        base = f"/users/{account_id}/role-mappings/realm"
        for each in self._ask("GET", base).json():
            if each["name"] == role:
                self._ask("DELETE", base, json=[{"id": each["id"], "name": role}])

    def roles(self, account_id: str) -> frozenset[str]:
        """Names of the realm roles that the account has by itself."""
        return frozenset(each["name"] for each in self._ask("GET", f"/users/{account_id}/role-mappings/realm").json())

    def set_password(self, account_id: str, password: str, *, temporary: bool = False) -> None:
        """Raises `RefusedError` with the realm's own words when its policy does not take it."""
        body = {"type": "password", "value": password, "temporary": temporary}
        self._ask("PUT", f"/users/{account_id}/reset-password", json=body)

    def change(self, old: Account, *, attributes: Mapping[str, str | None] | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Set fields, and attributes (None: take it away); everything else stays."""
        kept = {**old.attributes, **(attributes or {})}
        found = {key: value for key, value in kept.items() if value is not None}
        self._ask("PUT", f"/users/{old.id}", json={**old.whole, "attributes": _listed(found), **fields})

    def remove(self, account_id: str) -> None:
        """Take the account away, as if it had never been."""
        self._ask("DELETE", f"/users/{account_id}")

    def end_sessions(self, account_id: str) -> None:
        """Sign the account out everywhere."""
        self._ask("POST", f"/users/{account_id}/logout")

    def forget_second_factor(self, account_id: str) -> None:
        """Take its one-time codes away, so that it sets up new ones."""
        for each in self._ask("GET", f"/users/{account_id}/credentials").json():
            if each["type"] == "otp":
                self._ask("DELETE", f"/users/{account_id}/credentials/{each['id']}")

    def _users(self, **query: str) -> list[Account]:
        found = self._ask("GET", "/users", params={"briefRepresentation": "false", **query}).json()
        return [account(each) for each in found]

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:  # noqa: ANN401
        try:
            answer = self._send(method, path, **what)
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                # It was restarted with other keys, or its session store emptied: once more with a new token.
                self._ends = 0.0
                answer = self._send(method, path, **what)
        except httpx.HTTPError as error:
            raise DownError(f"Keycloak does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return answer
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or answer.is_server_error:
            raise DownError(f"Keycloak answers {answer.status_code} to {method} {path.split('/')[1]}")
        raise refusal(answer)

    def _send(self, method: str, path: str, **what: Any) -> httpx.Response:  # noqa: ANN401
        head = {"Authorization": f"Bearer {self._bearer()}"}
        return self._http.request(method, f"{identity.admin_path()}{path}", headers=head, **what)

    def _bearer(self) -> str:
        # Two threads may both fetch one: either is good.
        if self._clock() >= self._ends:
            words = {
                "grant_type": "client_credentials",
                "client_id": identity.CLIENT_ACCOUNTS,
                "client_secret": self._secret,
            }
            answer = self._http.post(identity.token_path(), data=words)
            if not answer.is_success:
                raise DownError(f"Keycloak does not take the client {identity.CLIENT_ACCOUNTS}: {answer.status_code}")
            given = answer.json()
            self._token, self._ends = given["access_token"], self._clock() + float(given["expires_in"]) - SPARE_SECONDS
        return self._token


def _listed(attributes: Mapping[str, str]) -> dict[str, list[str]]:
    return {key: [value] for key, value in attributes.items()}


def refusal(answer: httpx.Response) -> RefusedError:
    """What Keycloak said: `error` or `errorMessage` with a code, and a sentence where there is one; never what was sent."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    said = body if isinstance(body, dict) else {}
    if answer.status_code == HTTPStatus.CONFLICT:
        return RefusedError(str(HTTPStatus.CONFLICT.value), str(said.get("errorMessage", "it is there already")))
    code = str(said.get("error") or said.get("errorMessage") or answer.status_code)
    return RefusedError(code, str(said.get("error_description") or said.get("errorMessage") or code))
