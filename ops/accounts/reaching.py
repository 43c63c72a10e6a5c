"""The realm's accounts from outside the cluster: over a forwarded port, as the client that keeps accounts and may do nothing else."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from catalog import names
from catalog.errors import UserError
from derive import identity
from ops.lessons.place import Place
from services.entitlement.accounts import TIMEOUT, Accounts, DownError, RefusedError

DOWN: Final = (
    "{}\n`huiju status` says what is wrong with it. What was done is done; the same command again does the rest"
)
_SECRET: Final = ("get", "secret", names.ACCOUNTS_SECRET, "-n", names.namespace(names.ENTITLEMENT), "-o", "json")


def present(place: Place) -> bool:
    """Whether the platform has accounts at all: one that is older than the identity service has none."""
    return bool(place.kubectl(*_SECRET, "--ignore-not-found").strip())


@contextmanager
def keeping(place: Place) -> Iterator[Accounts]:
    """The accounts while the body runs. Raises `UserError` when Keycloak is not there, does not answer, or refuses."""
    found = place.kubectl(*_SECRET, "--ignore-not-found").strip()
    if not found:
        raise UserError(f"stack {place.stack} has no identity service yet: `huiju up --stack {place.stack}` makes it")
    secret = b64decode(json.loads(found)["data"]["secret"]).decode()
    with (
        place.forwarded(names.IDENTITY, names.IDENTITY, identity.PORT) as address,
        httpx.Client(base_url=f"{address}{identity.PATH}", timeout=TIMEOUT, trust_env=False) as http,
    ):
        try:
            yield Accounts(http, secret)
        except DownError as error:
            raise UserError(DOWN.format(error)) from error
        except RefusedError as error:
            raise UserError(f"the identity service refused: {error}") from error
