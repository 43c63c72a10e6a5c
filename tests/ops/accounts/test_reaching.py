"""The way to the accounts: by the Secret and the Service of the plan, and what is said where something on it fails."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from catalog import names
from catalog.errors import UserError
from derive import identity
from ops.accounts import reaching
from ops.lessons.place import Place
from services.entitlement.accounts import RefusedError
from tests.keycloak import SECRET, Keycloak


class Reached(Place):
    """A cluster in which the identity service is, and nothing listens."""

    there = True

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        assert words[:3] == ("get", "secret", names.ACCOUNTS_SECRET)
        assert words[words.index("-n") + 1] == names.ENTITLEMENT
        return json.dumps({"data": {"secret": b64encode(SECRET.encode()).decode()}}) if self.there else "\n"

    @contextmanager
    def forwarded(self, service: str, name: str, port: int) -> Iterator[str]:
        assert (service, name, port) == (names.IDENTITY, names.IDENTITY, identity.PORT)
        yield "http://127.0.0.1:1"


class Older(Reached):
    """One that was provisioned before there were accounts."""

    there = False


def place(kind: type[Reached] = Reached) -> Reached:
    return kind("test", {}, None, None)


def test_accounts_are_reached_below_the_path_of_keycloak_with_the_secret_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keycloak, plain = Keycloak([]), httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **words: plain(**words, transport=httpx.MockTransport(keycloak.answer)))
    with reaching.keeping(place()) as accounts:
        accounts.make("li.na", {}, enabled=True)
    assert keycloak.user("li.na")["enabled"]


def test_a_platform_without_accounts_is_known_and_told_with_what_to_do() -> None:
    assert reaching.present(place())
    assert not reaching.present(place(Older))
    with pytest.raises(UserError, match="huiju up --stack test"), reaching.keeping(place(Older)):
        pytest.fail("there is nothing to keep")


def test_a_service_that_does_not_answer_is_told_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"does not answer(?s:.)*huiju status"), reaching.keeping(place()) as accounts:
        accounts.find("li.na")


def test_what_it_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(UserError, match="refused: too short"), reaching.keeping(place()):
        raise RefusedError("code", "too short")
