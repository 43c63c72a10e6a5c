"""New passphrase, new credentials. A rotation is all or nothing: what replaces what is staged first, one file says "go", and a
rotation cut off after that word is finished by the next run, one cut off before it never happened.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog import load_named
from catalog.errors import UserError
from derive import cache_tree
from local import paths
from ops.stack import authority, backup, checkpoint, configuration, lock, store
from ops.stack.checkpoint import Say
from ops.stack.cipher import Cipher

_SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the engine's key for "this value is special"
_CIPHERTEXT = re.compile(r"v1:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/=]+")
_PASSPHRASE_BYTES = 32
_BEFORE = "identityKeyBefore"
_GO, _PASSPHRASE = "go.json", "passphrase"
"""Files of a rotation beside those of the stacks: the first is the word that it is to be finished."""


def staging() -> Path:
    """Where a rotation is prepared."""
    return paths.state_dir() / "rotation"


def stacks() -> list[str]:
    """Stacks of this clone whose settings open with its passphrase."""
    return [name for name in _named() if _opens(name)]


def _named() -> Iterator[str]:
    for path in sorted(paths.ROOT.glob("Pulumi.*.yaml")):
        if not path.name.endswith(".example.yaml"):
            yield path.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _opens(stack: str) -> bool:
    try:
        return "encryptionsalt" in configuration.document(stack) and bool(configuration.cipher_of(stack))
    except UserError:
        return False


def rotate_passphrase(say: Say) -> None:
    """Encrypt settings and state of every stack of this clone with a new passphrase. Raises `UserError` while a run is alive."""
    with configuration.settled():
        _finish(say)
        backend, names = store.open_store(), stacks()
        with _held(backend, names, say):
            _prepare(backend, names)
            _finish(say)


def _prepare(backend: store.Store, names: list[str]) -> None:
    """Stage everything, and say "go"."""
    new = secrets.token_urlsafe(_PASSPHRASE_BYTES)
    shutil.rmtree(staging(), ignore_errors=True)
    staging().mkdir(parents=True, mode=0o700)
    staged = store.FolderStore(staging())
    for name in names:
        _stage(backend, staged, name, new)
    staged.write(_PASSPHRASE, new.encode())
    staged.write(_GO, json.dumps(names).encode())


def _stage(backend: store.Store, staged: store.Store, stack: str, passphrase: str) -> None:
    """The stack's settings and state under the new passphrase, each with the salt it had before replaced."""
    old = configuration.cipher_of(stack)
    new = Cipher.fresh(passphrase)
    line = new.salt_line

    def again(ciphertext: str) -> str:
        return new.encrypt(old.decrypt(ciphertext))

    text = configuration.file(stack).read_text()
    salt = configuration.document(stack)["encryptionsalt"]
    head, _, tail = text.partition(salt)
    renewed = [_CIPHERTEXT.sub(lambda found: again(found[0]), part) for part in (head, tail)]
    staged.write(f"{stack}.yaml", line.join(renewed).encode())
    state = checkpoint.load(backend, stack)
    if state:
        document = _renewed(state.document, again)
        provider = (document["checkpoint"].get("latest") or {}).get("secrets_providers")
        if provider:
            provider["state"] = {"salt": line}
        staged.write(f"{stack}.state", checkpoint.Checkpoint(document).dump())


def _renewed(value: Any, again: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    """``value`` with every secret in it encrypted again."""
    if isinstance(value, list):
        return [_renewed(each, again) for each in value]
    if not isinstance(value, dict):
        return value
    if _SECRET_MARK in value and "ciphertext" in value:
        return {**value, "ciphertext": again(value["ciphertext"])}
    return {key: _renewed(each, again) for key, each in value.items()}


def resume(say: Say) -> None:
    """Finish a rotation that had said "go"; forget one that had not. Comes before whatever reads or writes settings.

    One that is under way in another command is waited for: it is not to be forgotten.
    """
    with configuration.settled():
        _finish(say)


def _finish(say: Say) -> None:
    go = staging() / _GO
    if not go.exists():
        shutil.rmtree(staging(), ignore_errors=True)
        return
    names = json.loads(go.read_text())
    # Files go away only after everything was put in its place: an older kit was cut off there with its word still said.
    if all((staging() / name).exists() for name in (_PASSPHRASE, *(f"{stack}.yaml" for stack in names))):
        _bring(names)
    # First of all, since without it what is left of the folder is forgotten.
    go.unlink()
    shutil.rmtree(staging())
    say("passphrase replaced; copies of the state from before are removed, since only the old one opens them")


def _bring(names: list[str]) -> None:
    """Put what was staged in its place, the passphrase last; the same again when it is cut off."""
    backend = store.open_store()
    for stack in names:
        configuration.replace(configuration.file(stack), (staging() / f"{stack}.yaml").read_text())
        # An older kit's states were called `.json`, which for a stack `go` is the word.
        for state in {staging() / f"{stack}.state", staging() / f"{stack}.json"} - {staging() / _GO}:
            if state.exists():
                backend.write(checkpoint.key(stack), state.read_bytes())
        backup.forget(backend, stack)
    configuration.keep_passphrase((staging() / _PASSPHRASE).read_text())


@contextmanager
def _held(backend: store.Store, names: list[str], say: Say) -> Iterator[None]:
    """Keep plain `pulumi` and other runs of the kit out of every stack meanwhile."""
    for name in names:
        lock.release_stranded(backend, name, say)
    keys = [lock.take(backend, name) for name in names]
    try:
        yield
    finally:
        for key in keys:
            backend.delete(key)


def not_the_kits(stack: str) -> str:
    """Why the kit cannot replace credentials of the stack, and what to do; empty where it can."""
    file = configuration.file(stack)
    if not file.exists():
        return f"there is no {file.name}; name the stack with --stack"
    if configuration.generated(stack):
        return ""
    return (
        f"{file.name} is yours, and so are its credentials: set each with `pulumi config set --secret KEY --stack {stack}`, "
        f"then `huiju up --stack {stack}`; keep the former identityKey as identityKeyBefore first, or Keycloak is shut "
        "(docs/engineer/operations.md#secrets)"
    )


@configuration.settled()
def rotate_credentials(
    stack: str, *, store_key: bool, access_key: bool, database_key: bool, identity_key: bool, tls: bool
) -> None:
    """Put new credentials in a generated stack file; the next `huiju up` brings them to the platform.

    Raises `UserError` for a stack file of the user's own, whose credentials the kit did not make.
    """
    if why := not_the_kits(stack):
        raise UserError(why)
    document, cipher = configuration.document(stack), configuration.cipher_of(stack)
    seeds = {
        "storeAdminKey": store_key,
        "accessKey": access_key,
        "databaseKey": database_key,
        "identityKey": identity_key,
    }
    fresh: dict[str, Any] = {
        key: {"secure": cipher.encrypt(secrets.token_urlsafe(_PASSPHRASE_BYTES))}
        for key, asked in seeds.items()
        if asked
    }
    if identity_key:
        fresh |= _former_identity_keys(document["config"], cipher)
    if tls:
        settings = configuration.settings(stack)
        edge = str(settings.get("edgeDomain") or settings["domain"])
        doors = cache_tree.doors(load_named(str(settings["city"])), edge)
        pair = authority.ensure(str(settings["domain"]), *doors, renew=True)
        fresh |= {"tlsCert": pair.certificate, "tlsKey": {"secure": cipher.encrypt(pair.key)}}
    document["config"] |= {f"huiju:{key}": value for key, value in fresh.items()}
    configuration.rewrite(stack, document)


def _former_identity_keys(config: Mapping[str, Any], cipher: Cipher) -> dict[str, Any]:
    """Every key that Keycloak may have, newest first: it takes a new one from nobody but whoever has the one that it knows.

    The one that stands in the file may never have come to it, and the one before may: nobody knows where a run that failed stopped.
    """
    standing = (config.get(f"huiju:{key}") for key in ("identityKey", _BEFORE))
    texts = [cipher.decrypt(each["secure"]) for each in standing if each]
    return {_BEFORE: {"secure": cipher.encrypt("\n".join(texts))}} if texts else {}


@contextmanager
def brought(stack: str) -> Iterator[None]:
    """The body brings the stack's file to the platform. After its good end Keycloak has the key, and former ones are dropped."""
    key = configuration.settings(stack).get("identityKey")
    yield
    if configuration.generated(stack):
        _drop_former(stack, key)


@configuration.settled()
def _drop_former(stack: str, brought: Any) -> None:  # noqa: ANN401 - as it stands in the file
    document = configuration.document(stack)
    # Another command may have made yet another key meanwhile, which did not come there.
    if f"huiju:{_BEFORE}" in document["config"] and document["config"].get("huiju:identityKey") == brought:
        del document["config"][f"huiju:{_BEFORE}"]
        configuration.amend(stack, document)
