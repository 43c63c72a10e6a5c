"""A new passphrase: everything opens with it, nothing with the old one, and no moment between the two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from catalog.errors import UserError
from local import paths
from ops.stack import checkpoint, configuration, lock, rotation, store
from ops.stack.cipher import Cipher
from tests.ops.stack.states import SECRET, config_map, state
from tests.ops.stack.test_configuration import WANTED


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stack with a secret in its settings and one in its state; returns the old passphrase."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    configuration.ensure("test", WANTED)
    cipher = configuration.cipher_of("test")
    kept = config_map("a") | {
        "outputs": {"data": {SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": cipher.encrypt('"x"')}}
    }
    document = json.loads(state(kept))
    document["checkpoint"]["latest"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": cipher.salt_line}}
    store.open_store().write(checkpoint.key("test"), json.dumps(document).encode())
    store.open_store().write(f"{checkpoint.key('test')}.bak", b"old")
    return configuration.passphrase()


def in_state() -> tuple[str, str]:
    """(salt line, ciphertext) of the state."""
    found = checkpoint.load(store.open_store(), "test")
    assert found is not None
    salt = found.document["checkpoint"]["latest"]["secrets_providers"]["state"]["salt"]
    return salt, found.resources[-1]["outputs"]["data"]["ciphertext"]


def test_settings_and_state_open_with_the_new_passphrase_only(clone: str, said: list[str]) -> None:
    rotation.rotate_passphrase(said.append)
    new = configuration.passphrase()
    assert new != clone
    assert configuration.read_secrets("test")["tlsKey"] == "private words"
    salt, text = in_state()
    assert Cipher.of(new, salt).decrypt(text) == '"x"'
    with pytest.raises(InvalidTag):
        Cipher(clone, b"12345678").decrypt(text)
    with pytest.raises(UserError):
        Cipher.of(clone, salt)


def test_copies_that_the_old_passphrase_opens_are_gone(said: list[str]) -> None:
    rotation.rotate_passphrase(said.append)
    assert store.open_store().read(f"{checkpoint.key('test')}.bak") is None


@pytest.mark.parametrize("cut_at", ["_stage", "replace", "keep_passphrase"])
def test_a_rotation_cut_off_anywhere_ends_whole(
    cut_at: str, clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = rotation if cut_at == "_stage" else configuration

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, cut_at, cut)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate_passphrase(said.append)
    rotation.resume(said.append)
    assert configuration.read_secrets("test")["tlsKey"] == "private words"
    salt, text = in_state()
    assert Cipher.of(configuration.passphrase(), salt).decrypt(text) == '"x"'
    assert (configuration.passphrase() == clone) is (cut_at == "_stage")
    assert lock.holders(store.open_store(), "test") == []


def test_no_passphrase_is_left_lying_in_the_staging_folder(said: list[str]) -> None:
    rotation.rotate_passphrase(said.append)
    assert not rotation.staging().exists()


def test_a_stack_that_is_worked_on_is_not_rotated(clone: str, said: list[str]) -> None:
    key = lock.take(store.open_store(), "test")
    with pytest.raises(UserError, match="is being worked on"):
        rotation.rotate_passphrase(said.append)
    store.open_store().delete(key)
    assert configuration.passphrase() == clone
