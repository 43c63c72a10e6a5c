"""Nothing of one machine is committed: no path of its disk, no address of its package mirrors, no download address in a lock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.architecture.sources import relative, text_files

MACHINE_PATH = re.compile(
    r"(?<![\w.$}])/(?:" + "|".join(("root", "work", "home/[a-z]+", "Users/[A-Za-z]+")) + r")/[\w.]"
)
LOCK_ADDRESS = re.compile(r"https?://")
NPM_ADDRESS = re.compile(r"\"resolved\":")
"""Not any address: npm's lock also lists where a package asks for money."""
MIRRORS = re.compile(
    r"(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|deb\.debian\.org|repo1?\.maven\.org)"
)
"""Package mirrors: a build that names one does not build behind a firewall."""


def own_mirrors() -> set[str]:
    """Host names of the package mirrors that this machine is set up with, loopback left out."""
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings = [
        value for key, value in os.environ.items() if re.search(r"INDEX|PROXY|REGISTRY|FIND_LINKS|MIRROR", key.upper())
    ]
    hosts = {
        urlsplit(address).hostname or "" for address in re.findall(r"https?://[^\s'\",|]+", "\n".join([pip, *settings]))
    }
    return {host for host in hosts if "." in host and not re.fullmatch(r"127\.[\d.]+|localhost", host)}


def violations(path: str, text: str, mirrors: set[str]) -> list[str]:
    """Machine paths and addresses in one file, one sentence each."""
    name = Path(path).name
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            found.append(f"{path}:{number}: a path of one machine: {line.strip()[:80]}")
        address = {".lock": LOCK_ADDRESS, ".sum": LOCK_ADDRESS}.get(Path(path).suffix)
        address = NPM_ADDRESS if name == "package-lock.json" else address
        if address and address.search(line):
            found.append(f"{path}:{number}: a lock names an address")
        if name in {"Containerfile", "Makefile"} and MIRRORS.search(line):
            found.append(f"{path}:{number}: names a package mirror; set-up configures those in one place")
        found += [f"{path}:{number}: names this machine's mirror" for host in mirrors if host in line]
    return found


def test_no_committed_file_names_a_machine_or_a_mirror() -> None:
    mirrors = own_mirrors() - {"pypi.org", "proxy.golang.org", "registry.npmjs.org"}
    found = [each for path, text in text_files() for each in violations(relative(path), text, mirrors)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/a.md", "see /" + "root/seed/x"),
        ("local/a.py", "Path('/" + "work/main')"),
        ("requirements.lock", "rich @ https://example.org/rich.whl"),
        ("services/portal/package-lock.json", '"resolved": "x"'),
        ("local/images/base/Containerfile", "RUN pip install --index-url https://pypi" + ".org/simple x"),
        ("docs/a.md", "from mirror.example.org"),
    ],
)
def test_the_rule_sees_a_path_and_an_address(path: str, text: str) -> None:
    assert violations(path, text, {"mirror.example.org"})


@pytest.mark.parametrize("text", ["$HOME/.cache", "https://example.org/root/page", "infra/root/x", "${WORK}/work/x"])
def test_the_rule_lets_ordinary_paths_pass(text: str) -> None:
    assert not violations("docs/a.md", text, set())
