"""Keys change one after the other: sessions of every key that is accepted count, and a video token names the key that signed it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from derive import keys
from derive.signing import Ring
from services.entitlement import settings
from services.entitlement.desk import Desk
from services.entitlement.sessions import SessionError, Verifier
from tests.services.entitlement.conftest import ISSUER, LESSON, NOW, SEED, token
from tests.services.entitlement.mounted import stamped


def session(epoch: int, *, named: int | None = None) -> str:
    """A session of this epoch's key, with the id of another if so named."""
    claims = jwt.decode(token(), options={"verify_signature": False})
    key = keys.pem(keys.private_key(SEED, keys.SESSION, epoch))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.SESSION, named or epoch)})


def verifier(ring: str) -> Verifier:
    known = json.dumps({"keys": Ring.parse(ring).public_keys(SEED, keys.SESSION)})
    return Verifier(ISSUER, known, lambda: NOW)


@pytest.mark.parametrize(
    ("ring", "counting"), [("1", {1}), ("1,2", {1, 2}), ("2,1", {1, 2}), ("2", {2}), ("2,3", {2, 3})]
)
def test_sessions_of_the_accepted_keys_count_and_no_others(ring: str, counting: set[int]) -> None:
    for epoch in (1, 2, 3):
        if epoch in counting:
            assert verifier(ring).session(session(epoch)).subject == "someone"
        else:
            with pytest.raises(SessionError, match="session-invalid"):
                verifier(ring).session(session(epoch))


def test_a_session_that_names_another_accepted_key_does_not_count() -> None:
    with pytest.raises(SessionError, match="session-invalid"):
        verifier("1,2").session(session(1, named=2))


def test_a_video_token_names_the_key_that_signed_it(desk: Desk) -> None:
    for epoch in (1, 2):
        key = keys.private_key(SEED, keys.VIDEO, epoch)
        named = keys.key_id(keys.VIDEO, epoch)
        desk.settings = replace(desk.settings, video_key=keys.pem(key), video_key_id=named)
        found = desk.play(None, LESSON, None).token or ""
        assert jwt.get_unverified_header(found)["kid"] == f"video-{epoch}"
        options = {"verify_aud": False, "verify_exp": False}
        assert jwt.decode(found, key.public_key(), [keys.ALGORITHM], options=options)["aud"] == "city"  # type: ignore[arg-type]


def test_the_key_s_file_says_which_it_is(tmp_path: Path) -> None:
    for name, text in {**stamped({}, NOW), "sessions.json": json.dumps({"keys": []}), "video-7.pem": "a key"}.items():
        (tmp_path / name).write_text(text)
    folder, key = str(tmp_path), str(tmp_path / "video-7.pem")
    words = {settings.ISSUER: ISSUER, settings.FOLDER: folder, settings.KEY: key, settings.BUCKET: "lessons"}
    found = settings.read(words)
    assert (found.video_key_id, found.video_key) == ("video-7", "a key")
