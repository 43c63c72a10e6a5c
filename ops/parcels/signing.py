"""The key that signs the index of parcels. Boxes pin its public half when they are enrolled."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import UserError
from local import paths

OWNER = "huiju parcels"


def secret_file() -> Path:
    """The private key, armoured, readable by its owner only; part of what a backup of the clone's state must hold."""
    return paths.state_dir() / "parcel-key.asc"


def public_key() -> str:
    """The public half, armoured."""
    with _home() as home:
        return _gpg(home, "--armor", "--export")


def sign(text: str) -> str:
    """``text`` with a signature around it (RFC 9580, cleartext)."""
    with _home() as home:
        return _gpg(home, "--clearsign", stdin=text)


@contextmanager
def _home() -> Iterator[Path]:
    """A key ring that holds the one key, made on first use, and is gone afterwards with the agent that served it."""
    if not shutil.which("gpg"):
        raise UserError("gpg is not installed: run `make setup` as root, or `apt-get install gnupg`")
    # Not below the state folder: an agent's socket has a short path or none.
    home = Path(tempfile.mkdtemp(prefix="huiju-gpg-"))
    try:
        if secret_file().exists():
            _gpg(home, "--import", str(secret_file()))
        else:
            _gpg(home, "--quick-gen-key", OWNER, "ed25519", "sign", "never")
            _keep(_gpg(home, "--armor", "--export-secret-keys"))
        yield home
    finally:
        subprocess.run(("gpgconf", "--homedir", str(home), "--kill", "all"), capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)


def _keep(armoured: str) -> None:
    """Keep the private key, whole or not at all."""
    where = secret_file()
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = where.with_suffix(".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(armoured)
    part.replace(where)


def _gpg(home: Path, *words: str, stdin: str = "") -> str:
    line = [
        "gpg",
        "--homedir",
        str(home),
        "--batch",
        "--yes",
        "--quiet",
        "--no-tty",
        "--passphrase",
        "",
        "--pinentry-mode",
        "loopback",
        *words,
    ]
    done = subprocess.run(line, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"gpg {words[0]}: {done.stderr.strip()}")
    return done.stdout
