"""How the Debian base is had, and that a city's mirror leaves no trace in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from local.images import debian, environment
from local.images.definition import load
from tests.local.images.conftest import Workshop


@pytest.mark.parametrize(
    ("wanted", "installed", "expected"),
    [("bootstrap", False, True), ("registry", True, False), ("", True, True), ("", False, False)],
)
def test_debian_is_bootstrapped_when_asked_for_or_possible(
    wanted: str, installed: bool, expected: bool, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIJU_IMAGES_BASE", wanted)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/mmdebstrap" if installed else None)
    assert debian.bootstrapped() is expected


def test_a_mirror_is_used_with_its_security_archive_and_then_forgotten() -> None:
    line = debian.command("bookworm", Path("/t.tar"), "http://mirror.test/debian")
    assert line[-3:] == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://mirror.test/debian bookworm-updates main",
        "deb http://mirror.test/debian-security bookworm-security main",
    ]
    assert any("sources.list" in word and word.startswith("--customize-hook") for word in line)


def test_without_a_mirror_the_public_one_stays_in_the_image() -> None:
    line = debian.command("bookworm", Path("/t.tar"), "")
    assert line[-2:] == ["bookworm", "/t.tar"] and not any("sources.list" in word for word in line)


def test_a_proxy_reaches_builds_as_an_argument_and_a_mirror_as_a_secret(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIJU_PROXY_HTTP", "http://proxy.test:3128")
    monkeypatch.setenv("HUIJU_MIRRORS_DEBIAN", "http://mirror.test/debian")
    assert environment.proxies()["http_proxy"] == "http://proxy.test:3128" and "HTTP_PROXY" not in environment.proxies()
    assert environment.build_secrets() == {"debian-mirror": "http://mirror.test/debian"}


def test_another_debian_image_can_be_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert debian.upstream(load()) == "debian:bookworm-slim"
    monkeypatch.setenv("HUIJU_IMAGES_UPSTREAM", "registry.test/debian:slim")
    assert debian.upstream(load()) == "registry.test/debian:slim"
