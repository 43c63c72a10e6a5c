"""Keys from one seed: the same each time, no two alike, and their public half verifies what the private half signs."""

from __future__ import annotations

import itertools
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from derive import keys

SEED = "a-seed-of-thirty-two-characters-or-more"


def test_the_same_seed_purpose_and_epoch_give_the_same_key() -> None:
    assert keys.pem(keys.private_key(SEED, keys.VIDEO)) == keys.pem(keys.private_key(SEED, keys.VIDEO))


def test_another_seed_purpose_or_epoch_gives_another_key() -> None:
    variants = itertools.product((SEED, f"{SEED}."), (keys.VIDEO, keys.SESSION), (1, 2))
    assert len({keys.pem(keys.private_key(*variant)) for variant in variants}) == 8


def test_the_public_half_verifies_and_holds_nothing_private() -> None:
    token = jwt.encode({"sub": "someone"}, keys.pem(keys.private_key(SEED, keys.SESSION)), keys.ALGORITHM)
    jwk = keys.public_jwk(SEED, keys.SESSION)
    assert set(jwk) == {"kty", "crv", "alg", "use", "kid", "x", "y"}
    public = jwt.PyJWK.from_json(json.dumps(jwk))
    assert jwt.decode(token, public, algorithms=[keys.ALGORITHM]) == {"sub": "someone"}


def test_the_order_is_the_curves() -> None:
    """A wrong order would still give keys, only not evenly: compare with the library's own bound."""
    highest = ec.derive_private_key(keys._ORDER - 1, keys._CURVE)
    number = highest.private_numbers().private_value
    assert number == keys._ORDER - 1
    try:
        ec.derive_private_key(keys._ORDER, keys._CURVE).public_key()
    except ValueError:
        return
    raise AssertionError("the library takes a key that is the order itself")


def test_pem_is_a_pkcs8_key() -> None:
    loaded = serialization.load_pem_private_key(keys.pem(keys.private_key(SEED, keys.VIDEO)).encode(), None)
    assert loaded.key_size == 256  # type: ignore[union-attr]
