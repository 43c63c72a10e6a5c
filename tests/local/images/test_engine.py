"""Which builder is chosen, and the command lines of those that do not run here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from catalog.errors import UserError
from local.images import engine
from tests.local.images.conftest import Workshop


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines that would have been run."""
    seen: list[list[str]] = []

    def note(line: list[str], _what: str) -> str:
        seen.append(line)
        return ""

    monkeypatch.setattr(engine, "run", note)
    return seen


def _offer(monkeypatch: pytest.MonkeyPatch, working: set[str], uid: int) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}" if program in working else None)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(subprocess, "run", lambda line, **_: subprocess.CompletedProcess(line, 0))


def test_buildah_is_first_for_root(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _offer(monkeypatch, {"buildah", "docker"}, uid=0)
    assert isinstance(engine.choose(tmp_path), engine.Buildah)


def test_without_root_podman_comes_before_docker(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _offer(monkeypatch, {"buildah", "podman", "docker"}, uid=1000)
    chosen = engine.choose(tmp_path)
    assert isinstance(chosen, engine.Client) and chosen.program == "podman"


def test_the_settings_can_name_the_builder(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _offer(monkeypatch, {"buildah", "podman", "docker"}, uid=0)
    monkeypatch.setenv("HUIJU_IMAGES_BUILDER", "docker")
    chosen = engine.choose(tmp_path)
    assert isinstance(chosen, engine.Client) and chosen.program == "docker"


def test_no_builder_is_an_error_that_says_what_to_install(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _offer(monkeypatch, set(), uid=0)
    with pytest.raises(UserError, match="apt-get install buildah mmdebstrap"):
        engine.choose(tmp_path)


def test_images_of_another_architecture_are_refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _offer(monkeypatch, {"buildah"}, uid=0)
    monkeypatch.setenv("HUIJU_GOARCH", "riscv64")
    with pytest.raises(UserError, match="this machine is not riscv64"):
        engine.choose(tmp_path)


def test_docker_builds_with_arguments_labels_and_secrets(lines: list[list[str]]) -> None:
    order = engine.Order(Path("/c/x"), "n/x:k", {"BASE": "n/base:b"}, {"title": "x"}, {"mirror": Path("/s")})
    engine.Client("docker").build(order)
    assert lines == [
        [
            *("docker", "build", "--file", "/c/x/Containerfile", "--tag", "n/x:k"),
            *("--build-arg", "BASE=n/base:b", "--label", "title=x", "--secret", "id=mirror,src=/s", "/c/x"),
        ]
    ]


def test_docker_takes_back_an_archive_under_the_wanted_name(lines: list[list[str]]) -> None:
    engine.Client("docker").take_archive(Path("/a/base-k.tar"), "k", "n/base:k")
    assert lines == [["docker", "load", "--input", "/a/base-k.tar"], ["docker", "tag", "n/base:k", "n/base:k"]]


def test_podman_saves_an_oci_layout(lines: list[list[str]]) -> None:
    engine.Client("podman").save("n/x:k", Path("/l"))
    assert lines == [["podman", "save", "--format", "oci-dir", "--output", "/l", "n/x:k"]]


def test_a_failing_command_is_told_with_what_it_said() -> None:
    with pytest.raises(UserError, match=r"(?s)tiny: .* failed with exit code 3:\nno space"):
        engine.run(["sh", "-c", "echo no space >&2; exit 3"], "tiny")
