"""A new passphrase: everything opens with it, nothing with the old one, and no moment between the two."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidTag
from typer.testing import CliRunner

from catalog.errors import UserError
from local import paths
from ops.cli import app
from ops.lessons import place
from ops.phases import Phases
from ops.stack import (
    checkpoint,
    configuration,
    engine,
    live,
    lock,
    placing,
    policies,
    release,
    rotation,
    session,
    store,
)
from ops.stack import cipher as cipher_module
from ops.stack.cipher import Cipher
from ops.stack.target import Target
from tests.ops.stack import at_once
from tests.ops.stack.states import SECRET, config_map, state
from tests.ops.stack.test_configuration import WANTED


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stack with a secret in its settings and one in its state; returns the old passphrase."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(cipher_module, "_ROUNDS", 1)  # what guards a passphrase that somebody chose
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


def cut(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    """A rotation that is killed in the moment in which it calls this."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate_passphrase(lambda _: None)


@pytest.mark.parametrize("cut_at", ["_stage", "replace", "keep_passphrase"])
def test_a_rotation_cut_off_anywhere_ends_whole(
    cut_at: str, clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, rotation if cut_at == "_stage" else configuration, cut_at)
    rotation.resume(said.append)
    assert configuration.read_secrets("test")["tlsKey"] == "private words"
    salt, text = in_state()
    assert Cipher.of(configuration.passphrase(), salt).decrypt(text) == '"x"'
    assert (configuration.passphrase() == clone) is (cut_at == "_stage")
    assert lock.holders(store.open_store(), "test") == []


def test_a_rotation_cut_off_while_it_clears_away_was_one_and_stops_nothing(
    clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.rmtree

    def killed(folder: Path, *, ignore_errors: bool = False) -> None:
        if ignore_errors:
            return real(folder, ignore_errors=True)
        for path in folder.glob("test.*"):
            path.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate_passphrase(said.append)
    rotation.resume(said.append)
    assert not rotation.staging().exists()
    assert configuration.passphrase() != clone
    assert configuration.read_secrets("test")["tlsKey"] == "private words"


def test_what_an_older_kit_left_of_a_rotation_that_it_had_finished_is_cleared_away(
    clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation.staging().mkdir()
    (rotation.staging() / "go.json").write_text('["test"]')
    rotation.resume(said.append)
    assert not rotation.staging().exists()
    assert (configuration.passphrase(), configuration.read_secrets("test")["tlsKey"]) == (clone, "private words")


def test_what_an_older_kit_had_staged_is_brought_whole(
    clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, configuration, "replace")
    (rotation.staging() / "test.state").rename(rotation.staging() / "test.json")
    rotation.resume(said.append)
    salt, text = in_state()
    assert Cipher.of(configuration.passphrase(), salt).decrypt(text) == '"x"'


def test_a_stack_may_be_called_as_the_word_is(said: list[str]) -> None:
    configuration.ensure("go", WANTED)
    store.open_store().write(checkpoint.key("go"), state(config_map("b")))
    rotation.rotate_passphrase(said.append)
    found = checkpoint.load(store.open_store(), "go")
    assert found is not None
    assert [each.id for each in found.objects] == ["ns/b"]


def test_a_rotation_under_way_is_waited_for_by_other_commands_and_not_forgotten(
    clone: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.ensure("another", WANTED)
    other = at_once.Other(monkeypatch, lambda: rotation.resume(said.append))
    at_once.before(monkeypatch, checkpoint, "load", other)
    rotation.rotate_passphrase(said.append)
    other.end()
    assert configuration.passphrase() != clone
    assert configuration.read_secrets("test")["tlsKey"] == "private words"
    assert len(said) == 1


class Reached(Exception):  # noqa: N818 - nothing went wrong
    """The run read the stack's secrets, and need not go on."""


def reads(*_: object) -> None:
    raise Reached(configuration.read_secrets("test")["tlsKey"])


WANTS, HERE = session.Wanted(stack="test"), Target(Path("/kubeconfig"), "context")
RUNS: dict[str, Callable[[], object]] = {
    "up": lambda: session._provisioned(WANTS, HERE, Phases(), preview=False),
    "upgrade, renew and rotate": lambda: session._reapplied("test", Phases()),
    "down": lambda: session._destroyed(WANTS, HERE, Phases(), protected=False),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("cut_at", ["replace", "keep_passphrase"])
def test_the_next_run_finishes_a_rotation_before_it_reads_any_secret(
    run: Callable[[], object], cut_at: str, clone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, configuration, cut_at)
    monkeypatch.setattr(placing, "place", lambda _, cluster: cluster)
    monkeypatch.setattr(placing, "refuse_strangers", lambda *_, **__: None)
    monkeypatch.setattr(session, "TOOLS", ())
    monkeypatch.setattr(engine, "shell", lambda _: {})
    monkeypatch.setattr(live, "require", lambda _: None)
    monkeypatch.setattr(Target, "deliver", reads)
    monkeypatch.setattr(policies, "refuse", reads)
    monkeypatch.setattr(session, "settle", reads)
    with pytest.raises(Reached, match="private words"):
        run()
    assert configuration.passphrase() != clone


def shown(key: str) -> str:
    """What the stack's file says."""
    return str(configuration.read_secrets("test").get(key) or configuration.settings("test").get(key))


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("secrets", "renew", "publish", "--no-apply"), "signingEpochs"),
        (("secrets", "rotate", "--no-passphrase", "--no-tls", "--no-apply"), "accessKey"),
        (("upgrade", "--rollback", "--yes"), "images"),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, tuple) else "",
)
def test_what_a_command_writes_is_not_undone_by_a_rotation_of_before(
    words: tuple[str, ...], key: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release.record("test")
    configuration.ensure("test", configuration.Wanted({**WANTED.public, "images": {}}, WANTED.secret))
    release.record("test")
    monkeypatch.setattr(session, "reapply", lambda *_: rotation.resume(said.append))
    monkeypatch.setattr(place, "of_stack", lambda _: SimpleNamespace(city="tiny"))
    before = shown(key)
    cut(monkeypatch, configuration, "replace")
    assert CliRunner().invoke(app, [*words, "--stack", "test"]).exit_code == 0
    written = shown(key)
    rotation.resume(said.append)
    assert before != written == shown(key)


def test_no_passphrase_is_left_lying_in_the_staging_folder(said: list[str]) -> None:
    rotation.rotate_passphrase(said.append)
    assert not rotation.staging().exists()


def test_a_stack_that_is_worked_on_is_not_rotated(clone: str, said: list[str]) -> None:
    key = lock.take(store.open_store(), "test")
    with pytest.raises(UserError, match="is being worked on"):
        rotation.rotate_passphrase(said.append)
    store.open_store().delete(key)
    assert configuration.passphrase() == clone
