"""A signing key is replaced in three steps, and in none of them is there a signature that somebody who verifies does not know."""

from __future__ import annotations

import json
from itertools import pairwise

import jwt
import pytest

from derive import keys
from derive.signing import Ring, Step

SEED = "a-seed-of-thirty-two-characters-or-more"
ROUND = ["1", "1,2", "2,1", "2", "2,3"]


def test_the_steps_follow_one_another_and_come_round_with_the_next_key() -> None:
    rings = [Ring.parse(text) for text in ROUND]
    assert [str(ring) for ring in rings] == ROUND
    assert [ring.due for ring in rings] == [Step.PUBLISH, Step.SIGN, Step.DROP, Step.PUBLISH, Step.SIGN]
    assert all(before.after() == after for before, after in pairwise(rings))


@pytest.mark.parametrize("text", ["", "0", "1,1", "1,3", "3,1", "1,2,3", "1, 2", "-1", "a", "01", "1,", "1\n"])
def test_what_is_no_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as in 1,2"):
        Ring.parse(text)


def signed(ring: Ring, purpose: str) -> str:
    key = keys.pem(keys.private_key(SEED, purpose, ring.signs))
    return jwt.encode({"sub": "x"}, key, keys.ALGORITHM, headers={"kid": ring.key_id(purpose)})


def accepts(ring: Ring, purpose: str, token: str) -> bool:
    """As a verifier does that goes by the key's id."""
    known = {key["kid"]: key for key in ring.public_keys(SEED, purpose)}
    key = known.get(jwt.get_unverified_header(token)["kid"])
    return key is not None and bool(jwt.decode(token, jwt.PyJWK.from_json(json.dumps(key)), [keys.ALGORITHM]))


@pytest.mark.parametrize("purpose", [keys.SESSION, keys.VIDEO])
def test_in_the_middle_of_a_step_whoever_is_ahead_and_whoever_is_behind_understand_each_other(purpose: str) -> None:
    rings = [Ring.parse(text) for text in ROUND]
    for one, other in pairwise(rings):
        for ring in (one, other):
            assert accepts(ring, purpose, signed(ring, purpose))
    published, signs, dropped = rings[1:4]
    assert accepts(rings[0], purpose, signed(published, purpose))
    assert accepts(published, purpose, signed(signs, purpose)), "verifiers that lag one step know the new key"
    assert accepts(signs, purpose, signed(published, purpose)), "what the old key signed counts on"
    assert not accepts(rings[0], purpose, signed(signs, purpose)), "which is why publishing comes first"
    assert not accepts(dropped, purpose, signed(published, purpose))


def test_verifiers_are_given_the_same_when_only_the_signer_changes() -> None:
    before, after = (Ring.parse(text).public_keys(SEED, keys.VIDEO) for text in ("1,2", "2,1"))
    assert before == after
    assert [key["kid"] for key in after] == ["video-2", "video-1"]
