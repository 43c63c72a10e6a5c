"""Two commands at once: they agree on what is made up, and neither takes back what the other wrote."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from catalog import load_named
from derive.signing import Step
from local import paths
from ops.stack import cipher, configuration, release, renewal, rotation
from tests.ops.stack import at_once
from tests.ops.stack.test_configuration import PUBLIC, WANTED

CHANGED = configuration.Wanted({**PUBLIC, "publicPort": 9443}, WANTED.secret)
NONE = {"store_key": False, "access_key": False, "database_key": False, "identity_key": False, "tls": False}


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty clone."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(cipher, "_ROUNDS", 1)  # what guards a passphrase that somebody chose


def test_first_runs_at_once_agree_on_the_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    both, made = Barrier(2, timeout=60), secrets.token_urlsafe

    def token(size: int) -> str:
        both.wait()  # each has found that there is none
        return made(size)

    monkeypatch.setattr(secrets, "token_urlsafe", token)
    for _ in range(20):
        paths.passphrase_file().unlink(missing_ok=True)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda _: configuration.passphrase(), range(2)))
        assert set(found) == {configuration.passphrase()}


def test_first_runs_at_once_agree_on_what_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    other = at_once.Other(monkeypatch, lambda: configuration.ensure("test", CHANGED))
    at_once.before(monkeypatch, configuration, "write", other)
    written: list[dict[str, str]] = []
    replace = configuration.replace

    def noted(where: Path, text: str) -> None:
        replace(where, text)
        written.append(configuration.read_secrets("test"))

    monkeypatch.setattr(configuration, "replace", noted)
    configuration.ensure("test", WANTED)
    other.end()
    first, second = written
    assert first == second
    assert configuration.settings("test")["publicPort"] == 9443


WRITERS: dict[str, Callable[[], object]] = {
    "accessKey": lambda: rotation.rotate_credentials("test", **{**NONE, "access_key": True}),
    "signingEpochs": lambda: renewal.step("test", Step.PUBLISH, load_named("tiny")),
    "images": lambda: release.put_back("test", release.history("test")[0]),
}


def shown(key: str) -> str:
    """What the stack's file says."""
    return str(configuration.read_secrets("test").get(key) or configuration.settings("test").get(key))


@pytest.mark.parametrize(("key", "write"), WRITERS.items(), ids=WRITERS)
def test_a_new_credential_is_not_taken_back_by_one_who_read_the_file_before(
    key: str, write: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.ensure("test", WANTED)
    release.record("test")
    configuration.ensure("test", configuration.Wanted({**PUBLIC, "images": {}}, WANTED.secret))
    before, accepted = shown(key), shown("identityKey")
    other = at_once.Other(monkeypatch, lambda: rotation.rotate_credentials("test", **{**NONE, "identity_key": True}))
    at_once.before(monkeypatch, configuration, "rewrite", other)
    write()
    other.end()
    assert shown(key) != before
    assert shown("identityKey") != accepted


def test_a_run_that_drops_a_former_key_takes_back_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration.ensure("test", WANTED)
    rotation.rotate_credentials("test", **{**NONE, "identity_key": True})
    before = shown("accessKey")
    other = at_once.Other(monkeypatch, WRITERS["accessKey"])
    at_once.before(monkeypatch, configuration, "amend", other)
    with rotation.brought("test"):
        pass
    other.end()
    assert (shown("identityKeyBefore"), shown("accessKey") != before) == ("None", True)
