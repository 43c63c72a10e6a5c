"""Generated stack files: checked before they are written, encrypted, rewritten only when something changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from ops.stack import configuration, rotation
from ops.stack.cipher import Cipher

PUBLIC = {
    "city": "tiny", "profile": "local", "domain": "localhost", "publicPort": 8443, "tlsCert": "PEM",
    "images": {"portal": "huiju.local/portal@sha256:" + "0" * 64}, "gatewayChart": "/charts/gateway-helm",
}  # fmt: skip
WANTED = configuration.Wanted(PUBLIC, {"tlsKey": "private words"})


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


def test_secrets_are_encrypted_and_read_back() -> None:
    configuration.ensure("test", WANTED)
    assert "private words" not in configuration.file("test").read_text()
    secrets = configuration.read_secrets("test")
    assert secrets["tlsKey"] == "private words"
    assert len(secrets["storeAdminKey"]) >= 32
    assert configuration.settings("test")["images"] == PUBLIC["images"]


def test_an_unchanged_wish_writes_nothing() -> None:
    assert configuration.ensure("test", WANTED)
    before = configuration.file("test").read_text()
    assert not configuration.ensure("test", WANTED)
    assert configuration.file("test").read_text() == before


def test_a_changed_wish_keeps_what_the_kit_made_up() -> None:
    configuration.ensure("test", WANTED)
    key = configuration.read_secrets("test")["storeAdminKey"]
    assert configuration.ensure("test", configuration.Wanted({**PUBLIC, "publicPort": 9443}, WANTED.secret))
    assert configuration.read_secrets("test")["storeAdminKey"] == key
    assert configuration.settings("test")["publicPort"] == 9443


def test_a_seed_that_an_older_kit_did_not_make_up_is_made_up_now_and_the_others_stay() -> None:
    configuration.ensure("test", WANTED)
    before = configuration.read_secrets("test")
    whole = configuration.file("test").read_text()
    lines = whole.splitlines(keepends=True)
    (at,) = [number for number, line in enumerate(lines) if "huiju:rosterKey" in line]
    configuration.file("test").write_text("".join(lines[:at] + lines[at + 2 :]))
    assert "rosterKey" not in configuration.settings("test")
    assert configuration.ensure("test", WANTED)
    after = configuration.read_secrets("test")
    assert len(after["rosterKey"]) >= 32
    assert {key: after[key] for key in before if key != "rosterKey"} == {
        key: text for key, text in before.items() if key != "rosterKey"
    }


def test_a_wrong_setting_is_refused_and_nothing_is_written() -> None:
    with pytest.raises(UserError, match="publicPort"):
        configuration.ensure("test", configuration.Wanted({**PUBLIC, "publicPort": 99999}, WANTED.secret))
    assert not configuration.file("test").exists()


def test_a_file_of_the_users_own_is_not_the_kits_to_write() -> None:
    assert configuration.generated("test")
    configuration.file("test").write_text("config: {}\n")
    assert not configuration.generated("test")


def test_a_missing_file_is_answered_with_what_to_do() -> None:
    with pytest.raises(UserError, match=r"copy Pulumi\.prod\.example\.yaml"):
        configuration.document("prod")


def test_the_wrong_passphrase_is_refused() -> None:
    line = Cipher.fresh("right").salt_line
    with pytest.raises(UserError, match="passphrase does not open"):
        Cipher.of("wrong", line)


def test_the_passphrase_file_is_for_its_owner_only() -> None:
    configuration.passphrase()
    assert paths.passphrase_file().stat().st_mode & 0o077 == 0


def test_credentials_of_a_users_own_file_are_not_rotated() -> None:
    configuration.file("prod").write_text("config: {}\n")
    with pytest.raises(UserError, match=r"Pulumi\.prod\.yaml is yours, and so are its credentials"):
        rotation.rotate_credentials(
            "prod", store_key=True, access_key=True, database_key=True, identity_key=True, tls=True
        )


@pytest.mark.parametrize("key", ["storeAdminKey", "accessKey", "databaseKey", "identityKey"])
def test_new_credentials_replace_the_old_ones_and_nothing_else(key: str) -> None:
    configuration.ensure("test", WANTED)
    before, public = configuration.read_secrets("test"), configuration.settings("test")
    asked = {
        "store_key": "storeAdminKey",
        "access_key": "accessKey",
        "database_key": "databaseKey",
        "identity_key": "identityKey",
    }
    rotation.rotate_credentials("test", **{word: each == key for word, each in asked.items()}, tls=False)
    after = configuration.read_secrets("test")
    assert {each for each in before if after[each] != before[each]} == {key}
    assert configuration.settings("test")["images"] == public["images"]


def test_what_a_person_set_stays_when_the_file_is_written_anew() -> None:
    configuration.ensure("test", WANTED)
    document, cipher = configuration.document("test"), configuration.cipher_of("test")
    document["config"] |= {
        "huiju:alertWebhook": {"secure": cipher.encrypt("https://example.org/hook")},
        "huiju:derived": "/gone",
    }
    configuration.rewrite("test", document)
    assert configuration.ensure("test", WANTED)
    after = configuration.settings("test")
    assert configuration.read_secrets("test")["alertWebhook"] == "https://example.org/hook"
    assert "derived" not in after, "what the kit wrote and writes no more is gone"
