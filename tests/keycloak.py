"""A stand-in for Keycloak's Admin REST API, as far as accounts go: in memory, strict about what it is asked, able to be down."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import httpx

from derive import identity
from services.entitlement.accounts import Accounts

SECRET = "the-secret-of-the-client"
SHORTEST = 8
POLICY = {
    "error": "invalidPasswordMinLengthMessage",
    "error_description": f"Invalid password: minimum length {SHORTEST}.",
}


class Keycloak:
    """Its realm: users by id, with `roles` and `password` beside what the API shows."""

    def __init__(self, roles: Iterable[str]) -> None:
        self.roles = {name: f"role-{name}" for name in roles}
        self.users: dict[str, dict[str, Any]] = {}
        self.hidden: dict[str, dict[str, Any]] = {}
        """Id of a user -> what the API does not show: roles, password, whether it is temporary, how often signed out."""
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        """Every request, method and path."""
        self.broken: Callable[[str, str], bool] = lambda method, path: False
        """Which requests it fails at."""

    def http(self) -> httpx.Client:
        """A client that reaches nothing else."""
        return httpx.Client(base_url=identity.internal_url(), transport=httpx.MockTransport(self.answer))

    def accounts(self) -> Accounts:
        """The accounts, as the service has them."""
        return Accounts(self.http(), SECRET, lambda: 0.0)

    def user(self, username: str) -> dict[str, Any]:
        """One user with what is hidden."""
        (found,) = (each for each in self.users.values() if each["username"] == username)
        return {**found, **self.hidden[found["id"]]}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to any request."""
        path = request.url.path.removeprefix(identity.PATH)
        self.asked.append(f"{request.method} {path}")
        if self.broken(request.method, path):
            raise httpx.ConnectError("connection refused", request=request)
        if path == identity.token_path():
            return self._token(parse_qs(request.content.decode()))
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return httpx.Response(401, json={"error": "HTTP 401 Unauthorized"})
        assert path.startswith(identity.admin_path())
        words = path.removeprefix(identity.admin_path()).strip("/").split("/")
        body: Any = json.loads(request.content) if request.content else None
        if words == ["users"]:
            return self._make(body) if request.method == "POST" else self._list(dict(request.url.params))
        if words[0] != "users" or words[1] not in self.users:
            return httpx.Response(404, json={"error": "User not found"})
        return self._one(request.method, words[1], "/".join(words[2:]), body)

    def _token(self, words: dict[str, list[str]]) -> httpx.Response:
        right = {
            "grant_type": ["client_credentials"],
            "client_id": [identity.CLIENT_ACCOUNTS],
            "client_secret": [SECRET],
        }
        if words != right:
            return httpx.Response(401, json={"error": "unauthorized_client"})
        token = uuid.uuid4().hex
        self.tokens.add(token)
        return httpx.Response(200, json={"access_token": token, "expires_in": 60})

    def _list(self, asked: dict[str, str]) -> httpx.Response:
        found = sorted(self.users.values(), key=lambda user: user["username"])
        if "username" in asked:
            assert asked["exact"] == "true"
            found = [user for user in found if user["username"] == asked["username"].lower()]
        if "q" in asked:
            key, _, value = asked["q"].partition(":")
            found = [user for user in found if user["attributes"].get(key) == [value]]
        if "enabled" in asked:
            found = [user for user in found if user["enabled"] == (asked["enabled"] == "true")]
        first, most = int(asked.get("first", 0)), int(asked.get("max", 100))
        assert asked["briefRepresentation"] == "false", "a brief one has no attributes"
        return httpx.Response(200, json=found[first : first + most])

    def _make(self, body: dict[str, Any]) -> httpx.Response:
        if body["username"] in {user["username"] for user in self.users.values()}:
            return httpx.Response(409, json={"errorMessage": "User exists with same username"})
        if set(body["username"]) & set("{}/:<>") or len(body["username"]) > 128:
            return httpx.Response(400, json={"errorMessage": "error-username-invalid-character"})
        unknown = set(body["attributes"]) - set(identity.ATTRIBUTES)
        assert not unknown, f"the realm declares no {unknown}"
        key = str(uuid.uuid4())
        self.users[key] = {"id": key, "createdTimestamp": 1, **body}
        self.hidden[key] = {"roles": [], "password": None, "temporary": False, "ended": 0, "otp": False}
        return httpx.Response(201, headers={"Location": f"https://city.example/identity/admin/realms/city/users/{key}"})

    def _one(self, method: str, key: str, rest: str, body: Any) -> httpx.Response:
        hidden = self.hidden[key]
        roles = [{"id": id_, "name": name} for name, id_ in self.roles.items()]
        match method, rest:
            case "PUT", "":
                # Whatever is left out is taken away: Keycloak does so with attributes, and promises nothing of the rest.
                self.users[key] = {**body, "id": key}
            case "DELETE", "":
                del self.users[key]
            case "PUT", "reset-password":
                if len(body["value"]) < SHORTEST:
                    return httpx.Response(400, json=POLICY)
                hidden |= {"password": body["value"], "temporary": body["temporary"]}
            case "POST", "logout":
                hidden["ended"] += 1
            case "GET", "role-mappings/realm":
                return httpx.Response(200, json=[each for each in roles if each["name"] in hidden["roles"]])
            case "GET", "role-mappings/realm/available":
                return httpx.Response(200, json=[each for each in roles if each["name"] not in hidden["roles"]])
            case "POST", "role-mappings/realm":
                assert all(self.roles[each["name"]] == each["id"] for each in body)
                hidden["roles"] += [each["name"] for each in body]
            case "DELETE", "role-mappings/realm":
                hidden["roles"] = [name for name in hidden["roles"] if name not in {each["name"] for each in body}]
            case "GET", "credentials":
                kinds = ["password", *(["otp"] if hidden["otp"] else [])]
                return httpx.Response(200, json=[{"id": f"c-{kind}", "type": kind} for kind in kinds])
            case "DELETE", "credentials/c-otp":
                hidden["otp"] = False
            case _:
                return httpx.Response(404, json={"error": f"no {method} {rest}"})
        return httpx.Response(204)
