"""Ansible module: a box's packages are exactly those of its parcel.

Builtin `apt` cannot say what it would do on a blank root (it needs python3-apt first), and never downgrades by itself. This one compares
installed versions with the parcel's manifest, so that a check needs neither the link nor the parcel.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: box_packages
short_description: A box's packages are exactly those of its parcel
description: Installs what is wanted and brings what is installed to the parcel's versions, from that parcel alone.
options:
  wanted: {description: Packages to have., type: list, elements: str, required: true}
  versions: {description: Package to version, as the parcel's manifest says., type: dict, required: true}
  source: {description: The one sources file to read., type: path, required: true}
author: [The huiju authors]
"""
NOT_NOW = Path("/usr/sbin/policy-rc.d")
"""Debian asks it whether a fresh package's daemon may start. Ours start when they are configured."""


def installed() -> dict[str, str]:
    """Package -> version of everything that is installed in full."""
    show = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${Package}\t${Version}\n"]
    rows = subprocess.run(show, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: version for state, name, version in (row.split("\t") for row in rows) if state.strip() == "ii"}


def steps(wanted: list[str], versions: dict[str, str], there: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Package -> (version now or '', version to be). What is wanted, and what is there in another version than the parcel's."""
    names = {*wanted, *(name for name in there if name in versions)}
    return {name: (there.get(name, ""), versions[name]) for name in sorted(names) if there.get(name) != versions[name]}


@contextlib.contextmanager
def nothing_starts() -> Iterator[None]:
    """Fresh daemons stay off for as long as the body runs, unless somebody decides about that already."""
    ours = not NOT_NOW.exists()
    if ours:
        NOT_NOW.write_text("#!/bin/sh\nexit 101\n")
        NOT_NOW.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            NOT_NOW.unlink(missing_ok=True)


def apt(source: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run apt-get with the parcel as its only source, patiently: an interrupted download goes on where it stopped."""
    options = {
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Acquire::Retries": "5",
        "Acquire::http::Timeout": "30",
        "DPkg::Lock::Timeout": "120",
        "APT::Install-Recommends": "false",
        "Dpkg::Options::": "--force-confold",
        "APT::Get::Assume-Yes": "true",
    }
    line = ["apt-get", "--quiet=2", *(word for pair in options.items() for word in ("-o", "=".join(pair))), *words]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment)


def install(source: str, todo: dict[str, tuple[str, str]]) -> str:
    """Bring the packages; what went wrong, or nothing."""
    subprocess.run(["dpkg", "--configure", "-a"], check=False, capture_output=True)
    exact = [f"{name}={new}" for name, (_, new) in todo.items()]
    with nothing_starts():
        for words in (["update"], ["install", "--allow-downgrades", *exact], ["clean"]):
            done = apt(source, *words)
            if done.returncode or "\nW: Failed to fetch" in f"\n{done.stderr}":
                return f"apt-get {words[0]}: {done.stderr.strip()[-1500:]}"
    return ""


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "str", "required": True},
            "versions": {"type": "dict", "required": True},
            "source": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    wanted, versions = module.params["wanted"], module.params["versions"]
    absent = [name for name in wanted if name not in versions]
    if absent:
        module.fail_json(msg=f"the parcel does not hold {', '.join(absent)}: make and publish a new one")
    there = installed()
    todo = steps(wanted, versions, there)
    difference = {
        "before": "".join(f"{name} {old}\n" for name, (old, _) in todo.items() if old),
        "after": "".join(f"{name} {new}\n" for name, (_, new) in todo.items()),
    }
    if todo and not module.check_mode:
        wrong = install(module.params["source"], todo)
        if wrong:
            module.fail_json(msg=f"{wrong}\nThe next run goes on from here.")
    module.exit_json(changed=bool(todo), diff=difference)


if __name__ == "__main__":
    main()
