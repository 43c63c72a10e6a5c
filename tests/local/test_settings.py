"""The settings file and the variables that override it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from catalog.errors import UserError
from local import settings

Write = Callable[[object], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the settings file of the test's own home."""
    for name in [name for name in os.environ if name.startswith("HUIJU_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def to_file(content: object) -> Path:
        path = tmp_path / "huiju" / "settings.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
        return path

    return to_file


@pytest.mark.parametrize("content", [None, "", "# nothing yet\n", "{}"])
def test_nothing_has_to_be_set(write: Write, content: str | None) -> None:
    if content is not None:
        write(content)
    assert settings.load() == settings.Settings()
    assert settings.environment() == {}


def test_mirrors_and_proxies_reach_the_programs_that_use_them(write: Write) -> None:
    write(
        {
            "mirrors": {"go": "https://go.example", "python": "https://py.example"},
            "proxy": {"https": "http://p:3128", "no": "a.example"},
        }
    )
    found = settings.environment()
    assert found["GOPROXY"] == "https://go.example"
    assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"] == "https://py.example"
    assert found["HTTPS_PROXY"] == found["https_proxy"] == "http://p:3128"
    assert found["NO_PROXY"].startswith("a.example,localhost,")
    assert "HTTP_PROXY" not in found


def test_a_variable_wins_over_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"mirrors": {"go": "https://file.example"}})
    monkeypatch.setenv("HUIJU_MIRRORS_GO", "https://variable.example")
    assert settings.load().mirrors.go == "https://variable.example"


def test_all_mistakes_are_named_at_once_with_the_file(write: Write) -> None:
    path = write({"mirror": {}, "proxy": {"ftp": "x"}, "releases": {"allow": "always"}})
    with pytest.raises(UserError) as caught:
        settings.load()
    message = str(caught.value)
    assert str(path) in message
    assert all(key in message for key in ("mirror: ", "proxy.ftp: ", "releases.allow: "))


@pytest.mark.parametrize("content", ["a: [", "- a list", "just words"])
def test_what_is_not_a_settings_file_is_one_clear_error(write: Write, content: str) -> None:
    path = write(content)
    with pytest.raises(UserError, match=str(path)):
        settings.load()


def test_set_up_reads_the_same_file_before_anything_is_installed(write: Write, tmp_path: Path, root: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "local").mkdir(parents=True)
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / "local" / "setup.sh").write_bytes((root / "local" / "setup.sh").read_bytes())
    for name in ("requirements.lock", "pyproject.toml"):
        (clone / name).touch()
    python = clone / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nenv >> "{tmp_path}/seen"\necho "$@" >> "{tmp_path}/calls"\n')
    python.chmod(0o755)
    write(
        '# mine\nproxy:\n  https: "http://p:3128"\nmirrors:\n  go: https://go.example\n  python: https://py.example # the city\'s\n'
    )
    command = ["bash", str(clone / "local" / "setup.sh"), "--python-only"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HUIJU_PROXY_NO": "a.example"})
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {"PIP_INDEX_URL=https://py.example", "HTTPS_PROXY=http://p:3128", "no_proxy=a.example"} <= set(seen)
    assert any(
        "--require-hashes -r requirements.lock" in call for call in (tmp_path / "calls").read_text().splitlines()
    )
    (tmp_path / "calls").unlink()
    subprocess.run(command, check=True, capture_output=True)
    assert "install" not in (tmp_path / "calls").read_text(), "the second time there is nothing to do"
