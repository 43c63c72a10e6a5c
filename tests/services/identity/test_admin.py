"""The administrator's session: a token that ended is renewed once, and the former secret brings in a new one; nothing sent is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from services.identity import __main__ as program
from services.identity.admin import Admin, RefusedError, SignInError
from services.identity.realm import _holds

URL = "http://identity.test/identity"


class Keycloak:
    """Takes one secret; tokens count for as many requests as are left."""

    def __init__(self, secret: str = "now", left: int = 100) -> None:
        self.secret, self.left, self.tokens = secret, left, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/identity")
        if path.endswith("/token"):
            if parse_qs(request.content.decode())["client_secret"] != [self.secret]:
                return httpx.Response(401)
            self.tokens, self.left = self.tokens + 1, self.left or 100
            return httpx.Response(200, json={"access_token": str(self.tokens)})
        if path == "/realms/master":
            return httpx.Response(200)
        if not self.left or request.headers.get("authorization") != f"Bearer {self.tokens}":
            return httpx.Response(401)
        self.left -= 1
        return self.found(request, path)

    def found(self, request: httpx.Request, path: str) -> httpx.Response:
        if path == "/admin/realms/master/clients":
            return httpx.Response(200, json=[{"id": "7", "clientId": "provisioner"}])
        if path == "/admin/realms/master/clients/7":
            self.secret = json.loads(request.content)["secret"]
            return httpx.Response(204)
        return httpx.Response(404 if path == "/nothing" else 409, json={"errorMessage": "exists"})


def admin(keycloak: Keycloak) -> Admin:
    return Admin(URL, httpx.MockTransport(keycloak))


def test_a_token_that_ended_is_renewed_and_the_request_made_again() -> None:
    keycloak = Keycloak(left=1)
    found = admin(keycloak)
    found.sign_in("provisioner", "now")
    assert (found.get("/nothing"), found.get("/nothing")) == (None, None)
    assert keycloak.tokens == 2


def test_who_is_not_let_in_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    keycloak = Keycloak(left=1)
    found = admin(keycloak)
    found.sign_in("provisioner", "now")
    found.get("/nothing")
    monkeypatch.setattr(keycloak, "secret", "another")
    with pytest.raises(SignInError, match="provisioner"):
        found.get("/nothing")


def test_a_refusal_is_in_keycloaks_words_and_says_nothing_of_what_was_sent() -> None:
    found = admin(Keycloak())
    found.sign_in("provisioner", "now")
    with pytest.raises(RefusedError, match=r"409.*exists") as refused:
        found.post("/admin/realms/city/clients", {"secret": "planted"})
    assert "planted" not in str(refused.value)


def _run(keycloak: Keycloak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **held: str) -> None:
    """The program, as far as the administrator's session; ``held`` is its Secret."""
    for name, text in {"client": "provisioner", **held}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "desired.json").write_text("{}")
    monkeypatch.setenv("IDENTITY_ADMIN", str(tmp_path))
    monkeypatch.setenv("IDENTITY_URL", URL)
    monkeypatch.setattr(program, "Admin", lambda url: Admin(url, httpx.MockTransport(keycloak)))
    monkeypatch.setattr(program, "apply", lambda *_: iter(()))
    program.main(str(tmp_path / "desired.json"))


def test_a_changed_secret_is_brought_in_by_the_former_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keycloak = Keycloak("before")
    _run(keycloak, tmp_path, monkeypatch, secret="now", before="before")
    assert keycloak.secret == "now"
    _run(keycloak, tmp_path, monkeypatch, secret="now", before="before")
    assert keycloak.secret == "now"


@pytest.mark.parametrize("known", ["first", "second"])
def test_whichever_former_secret_keycloak_knows_brings_the_new_one_in(
    known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keycloak = Keycloak(known)
    _run(keycloak, tmp_path, monkeypatch, secret="now", before="second\nfirst")
    assert keycloak.secret == "now"


def test_without_the_former_one_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SignInError):
        _run(Keycloak("before"), tmp_path, monkeypatch, secret="now")


@pytest.mark.parametrize(
    ("there", "wanted", "held"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, {"a": 1}, False),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, True),
        ({"a": ["x", "y"]}, {"a": ["x"]}, False),
        ({"a": [{"n": 1, "id": 7}]}, {"a": [{"n": 1}]}, True),
        ({"a": None}, {"a": []}, False),
    ],
)
def test_what_keycloak_adds_is_no_difference(there: Any, wanted: Any, held: bool) -> None:
    assert _holds(there, wanted) is held
