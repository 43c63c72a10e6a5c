"""Tools that are already on the machine are taken by their own word about their version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local import paths
from local.toolchain import onpath
from local.toolchain.pins import OnPath

ROW = OnPath(arguments=("version",), accepts=">=1.34,<1.37")

Program = Callable[..., Path]


@pytest.fixture
def program(home: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """``program(name, says)``: put a program on PATH that prints ``says``."""
    folder = home / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, says: str, status: int = 0, into: Path = folder) -> Path:
        into.mkdir(parents=True, exist_ok=True)
        path = into / name
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.mark.parametrize("version", ["1.34.0", "1.34", "1.36.9"])
def test_a_version_in_range_is_accepted(version: str) -> None:
    assert onpath.accepted(version, ">=1.34,<1.37")


@pytest.mark.parametrize("version", ["1.33.9", "1.37.0", "2.35.0", "0.35"])
def test_a_version_out_of_range_is_not(version: str) -> None:
    assert not onpath.accepted(version, ">=1.34,<1.37")


def test_parts_of_a_version_are_compared_as_numbers() -> None:
    assert onpath.accepted("1.100.0", ">=1.34")
    assert not onpath.accepted("1.9.0", ">=1.34")


def test_a_program_that_is_new_enough_is_used(program: Program) -> None:
    path = program("kubectl", "Client Version: v1.35.4\nKustomize Version: v5.5.0")
    assert onpath.find("kubectl", ROW) == path


@pytest.mark.parametrize(
    ("says", "status"), [("Client Version: v1.32.4-dispatcher", 0), ("no number", 0), ("v1.35.4", 1), ("", 0)]
)
def test_a_program_that_is_too_old_or_mute_or_failing_is_not(program: Program, says: str, status: int) -> None:
    program("kubectl", says, status)
    assert onpath.find("kubectl", ROW) is None


def test_an_engine_without_its_language_host_beside_it_is_not_used(program: Program) -> None:
    row = OnPath(arguments=("version",), accepts=">=3.259.0,<4", beside=("pulumi-language-python",))
    engine = program("pulumi", "v3.260.1")
    assert onpath.find("pulumi", row) is None
    program("pulumi-language-python", "")
    assert onpath.find("pulumi", row) == engine


def test_our_own_cache_on_path_is_not_mistaken_for_the_users(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paths.cache_dir() / "tools" / "kubernetes" / "0123" / "bin"
    program("kubectl", "v1.35.4", into=folder)
    monkeypatch.setenv("PATH", str(folder))
    assert onpath.find("kubectl", ROW) is None


def test_a_provider_the_user_installed_is_used_at_exactly_its_version(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(home / "pulumi"))
    path = home / "pulumi" / "plugins" / "resource-kubernetes-v4.25.0" / "pulumi-resource-kubernetes"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    assert onpath.find_plugin("pulumi-resource-kubernetes", "4.25.0") == path
    assert onpath.find_plugin("pulumi-resource-kubernetes", "4.25.1") is None


def test_the_link_in_our_own_pulumi_home_is_not_taken_for_the_users(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = paths.state_dir() / "pulumi-home"
    monkeypatch.setenv("PULUMI_HOME", str(ours))
    path = ours / "plugins" / "resource-kubernetes-v4.25.0" / "pulumi-resource-kubernetes"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    assert onpath.find_plugin("pulumi-resource-kubernetes", "4.25.0") is None
