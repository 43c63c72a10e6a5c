"""The lock pins every package by hash, satisfies pyproject.toml, and names no address it came from."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT

ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>.*)$")


def entries(lock: str) -> dict[str, tuple[str, int]]:
    """Package -> its pinned version and how many hashes vouch for it."""
    found: dict[str, tuple[str, int]] = {}
    current = ""
    for line in lock.splitlines():
        if match := ENTRY.match(line):
            current = canonicalize_name(match["name"])
            found[current] = (match["version"], 0)
        elif "--hash=sha256:" in line and current:
            version, count = found[current]
            found[current] = (version, count + 1)
    return found


def problems(project: dict[str, list[str]], lock: str) -> list[str]:
    """What is wrong with the lock, one sentence each; ``project`` is the requirements by group."""
    pinned = entries(lock)
    found = [f"{name} has no hash" for name, (_, hashes) in pinned.items() if not hashes]
    for requirement in (Requirement(each) for group in project.values() for each in group):
        version, _ = pinned.get(canonicalize_name(requirement.name), ("", 0))
        if not version or not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement} is not satisfied by the lock ({version or 'absent'}): run `make lock`")
    if re.search(r"https?://|--(extra-)?index-url|--find-links|@ file:", lock):
        found.append("the lock names an address")
    return found


def _project() -> dict[str, list[str]]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    return {"": project["dependencies"], **project["optional-dependencies"], **document["dependency-groups"]}


def test_the_lock_pins_all_that_the_project_asks_for() -> None:
    assert not problems(_project(), (ROOT / "requirements.lock").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "lock",
    [
        "rich==14.0.0\n",
        "rich==13.0.0 \\\n    --hash=sha256:00\n",
        "typer==1.0.0 \\\n    --hash=sha256:00\n",
        "--index-url https://example.org\nrich==14.0.0 \\\n    --hash=sha256:00\n",
    ],
)
def test_the_rule_sees_a_bad_lock(lock: str) -> None:
    assert problems({"": ["rich>=14"]}, lock)
