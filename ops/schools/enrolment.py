"""Enrolment: what is known of a school's box and stands in no catalog - its address, its pinned host keys, its secrets.

It is an inventory of Ansible's own beside the catalog's, so that plain `ansible-playbook` uses it too::

    enrolled.yml                       group `enrolled`: a box without pinned keys is in no play
    group_vars/enrolled/platform.yml   what the stack says, written anew by every command; files beside it are the user's own
    host_vars/<code>/enrolment.yml     address, school network
    host_vars/<code>/vault.yml         secrets, encrypted by ansible-vault
    known_hosts  id_ed25519  vault-password

A city keeps the folder in a repository of its own (without the last two) and names it with `HUIJU_SCHOOLS`.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog import own_yaml
from catalog.errors import UserError
from local import paths

KEY = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa|rsa-sha2-\d+) [A-Za-z0-9+/=]+")
_PASSWORD_WORDS = 4


def folder() -> Path:
    """The enrolment of this clone, or the one that `HUIJU_SCHOOLS` names."""
    return Path(os.environ.get("HUIJU_SCHOOLS") or paths.state_dir() / "schools").resolve()


def inventory() -> Path:
    """The inventory file."""
    return folder() / "enrolled.yml"


def login_key() -> Path:
    """The technicians' private key for boxes, made on first use."""
    where = folder() / "id_ed25519"
    if not where.exists():
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        subprocess.run(
            ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "huiju technician", "-f", str(where)), check=True
        )
    return where


def vault_password() -> Path:
    """The file with the vault's password, made on first use; `ANSIBLE_VAULT_PASSWORD_FILE` names another."""
    if named := os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE"):
        return Path(named)
    where = folder() / "vault-password"
    if not where.exists():
        write(where, f"{secrets.token_urlsafe(32)}\n")
    return where


def write(where: Path, text: str) -> None:
    """Put ``text`` in a file of the owner's, whole or not at all."""
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = where.with_name(f".{where.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(where)


def write_vars(where: Path, values: Mapping[str, Any]) -> None:
    """A file of Ansible variables, each plain data."""
    text = yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False, width=10_000)
    if "{{" in text or "{%" in text:
        raise UserError(f"{where.name}: a value holds a template of Ansible's, and none is expected here")
    write(where, f"# Written by `huiju school`; put variables of your own in another file of this folder.\n{text}")


def enrolled() -> tuple[str, ...]:
    """Codes of the schools whose boxes are enrolled."""
    if not inventory().exists():
        return ()
    found = own_yaml.load(inventory()) or {}
    return tuple(sorted(found.get("enrolled", {}).get("hosts") or {}))


def enrol(code: str, address: str, host_keys: Iterable[str], variables: Mapping[str, Any]) -> None:
    """Pin the box's keys and note where it is; again for a box that was replaced, and its former keys are forgotten."""
    keys = [key.strip() for key in host_keys]
    wrong = [key for key in keys if not KEY.fullmatch(key)]
    if wrong or not keys:
        raise UserError(
            "a host key is what the box's console shows with `cat /etc/ssh/ssh_host_ed25519_key.pub`: its kind and its text, "
            f"for instance `ssh-ed25519 AAAA...`, not {wrong[:1] or 'nothing'}"
        )
    known = folder() / "known_hosts"
    others = [
        row for row in (known.read_text().splitlines() if known.exists() else ()) if not row.startswith(f"{code} ")
    ]
    if taken := sorted({school for school, _, key in (row.partition(" ") for row in others) if key in keys}):
        raise UserError(
            f"this key is pinned for {', '.join(taken)} already, and a box is one school's: "
            f"if it stood there and is {code}'s from now on, or {taken[0]} was a slip, `huiju school forget {taken[0]}` first"
        )
    write(known, "".join(f"{row}\n" for row in (*others, *(f"{code} {key}" for key in keys))))
    host = folder() / "host_vars" / code
    write_vars(host / "enrolment.yml", {"ansible_host": address, **variables})
    if not (host / "vault.yml").exists():
        _make_secrets(host / "vault.yml")
    _list({*enrolled(), code})


def forget(code: str) -> None:
    """Take a box off the list; its secrets are deleted too."""
    host, known = folder() / "host_vars" / code, folder() / "known_hosts"
    if known.exists():
        write(known, "".join(f"{row}\n" for row in known.read_text().splitlines() if not row.startswith(f"{code} ")))
    for name in ("enrolment.yml", "vault.yml"):
        (host / name).unlink(missing_ok=True)
    _list(set(enrolled()) - {code})


def _list(codes: Iterable[str]) -> None:
    hosts = dict.fromkeys(sorted(codes), None)
    write(inventory(), yaml.safe_dump({"enrolled": {"hosts": hosts}}, sort_keys=False))


def _make_secrets(where: Path) -> None:
    """A password for the box's console, and its hash; the plain one is for whoever must stand before the box."""
    plain = "-".join(secrets.token_hex(2) for _ in range(_PASSWORD_WORDS))
    hashed = _piped(["openssl", "passwd", "-6", "-stdin"], plain).strip()
    text = yaml.safe_dump({"school_box_console_hash": hashed, "console_password": plain})
    write(where, _vault("encrypt", "--output", "-", stdin=text))


def secret_vars(code: str) -> dict[str, Any]:
    """The secrets of a box in plain text; UserError when the vault does not open."""
    where = folder() / "host_vars" / code / "vault.yml"
    if not where.exists():
        raise UserError(f"the box of {code} is not enrolled: `huiju school enrol {code}`")
    found = yaml.safe_load(_vault("decrypt", "--output", "-", stdin=where.read_text()))
    return dict(found)


def _vault(*words: str, stdin: str) -> str:
    program = Path(sys.executable).parent / "ansible-vault"
    return _piped([str(program), words[0], "--vault-password-file", str(vault_password()), *words[1:]], stdin)


def _piped(line: list[str], stdin: str) -> str:
    """Standard output of a program that gets its secret on standard input, never on its command line."""
    done = subprocess.run(line, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{Path(line[0]).name} {line[1]}: {done.stderr.strip()[-400:]}")
    return done.stdout
