"""New credentials in a stack file: no run that fails or comes late shuts the kit out of Keycloak."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from ops.phases import Phases
from ops.stack import cipher as cipher_module
from ops.stack import configuration, engine, live, policies, rotation, session
from tests.ops.stack.test_configuration import WANTED

ASKED = {"store_key": False, "access_key": False, "database_key": False, "identity_key": True, "tls": False}


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is set up, on a cluster that answers, with nothing to recover from."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(cipher_module, "_ROUNDS", 1)  # what guards a passphrase that somebody chose
    configuration.ensure("test", WANTED)
    monkeypatch.setattr(engine, "shell", lambda _: {})
    monkeypatch.setattr(live, "require", lambda _: None)
    monkeypatch.setattr(policies, "refuse", lambda _: None)
    monkeypatch.setattr(session, "settle", lambda *_: None)


def key() -> str:
    """What the file says that Keycloak is to have."""
    return configuration.read_secrets("test")["identityKey"]


def former() -> list[str]:
    """What Keycloak may have instead."""
    return configuration.read_secrets("test").get("identityKeyBefore", "").splitlines()


def rotate() -> None:
    rotation.rotate_credentials("test", **ASKED)


def run(monkeypatch: pytest.MonkeyPatch, *, good: bool = True) -> None:
    """A run over the stack, good or not."""

    def apply(*_: object, **__: object) -> engine.Outcome:
        if not good:
            raise UserError("the engine failed")
        return engine.Outcome({}, "")

    monkeypatch.setattr(session, "apply", apply)
    session._reapplied("test", Phases())


def test_every_key_that_keycloak_may_have_stays_until_a_run_was_good(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [key()]
    for _ in range(3):
        rotate()
        with pytest.raises(UserError):
            run(monkeypatch, good=False)
        configuration.ensure("test", WANTED)
        assert former() == keys
        assert key() not in keys
        keys = [key(), *keys]
    run(monkeypatch)
    assert (key(), former()) == (keys[0], [])


def test_after_a_good_run_only_the_key_that_was_brought_is_the_former_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rotate()
    run(monkeypatch)
    brought = key()
    rotate()
    assert former() == [brought]


def test_a_good_run_leaves_the_file_as_it_was_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    rotate()
    configuration.ensure("test", WANTED)
    run(monkeypatch)
    assert not configuration.ensure("test", WANTED)


def test_a_key_made_while_a_run_went_on_did_not_come_to_the_platform_and_keeps_the_former_ones() -> None:
    first = key()
    rotate()
    second = key()
    with rotation.brought("test"):
        rotate()
    assert former() == [second, first]


def test_a_file_of_the_users_own_is_not_touched_by_a_good_run() -> None:
    text = "config:\n  huiju:identityKeyBefore: {secure: x}\n"
    configuration.file("own").write_text(text)
    with rotation.brought("own"):
        pass
    assert configuration.file("own").read_text() == text


def test_a_file_of_a_kit_that_made_up_no_key_to_keycloak_gets_one() -> None:
    document = configuration.document("test")
    del document["config"]["huiju:identityKey"]
    configuration.rewrite("test", document)
    rotate()
    assert (len(key()) >= 32, former()) == (True, [])
