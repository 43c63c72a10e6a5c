"""Real builds of the smallest recipes there can be, with the Go of this machine; no module is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from catalog.errors import UserError
from local.toolchain import build, golang, pins, provenance
from local.toolchain.pins import Bundle

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="needs a Go on PATH")

HELLO = 'package main\n\nvar Version = "unset"\n\nfunc main() { print(Version) }\n'


@pytest.fixture(scope="module")
def go_caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's caches, shared by the builds of this module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def recipe(home: Path, go_caches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe folder with a program; pins and cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(go_caches))
    monkeypatch.setattr(pins, "RECIPES", home)
    monkeypatch.setattr(golang, "command", lambda say: Path(shutil.which("go") or ""))
    folder = home / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text("module huiju.local/hello\n\ngo 1.21\n")
    (folder / "go.sum").touch()
    (folder / "main.go").write_text(HELLO)
    (folder / "extra").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def hello() -> Bundle:
    return Bundle.model_validate(
        {
            "version": "1.0.0",
            "recipe": "hello",
            "packages": {".": "hello"},
            "ldflags": ["-X main.Version=1.0.0"],
            "files": {"extra": "bin/extra"},
            "disk_gib": 1,
        }
    )


def made(bundle: Bundle, home: Path, said: list[str]) -> Path:
    into = home / "into"
    into.mkdir()
    build.fill("hello", bundle, into, said.append)
    return into


def test_a_build_gives_a_static_stamped_program_and_says_what_it_did(
    recipe: Path, hello: Bundle, home: Path, said: list[str]
) -> None:
    into = made(hello, home, said)
    assert subprocess.run([into / "bin" / "hello"], capture_output=True, text=True, check=True).stderr == "1.0.0"
    assert b"ld-linux" not in (into / "bin" / "hello").read_bytes()
    assert os.access(into / "bin" / "extra", os.X_OK)
    assert provenance.read(into)["how"] == "build"
    assert said[-1].startswith("hello 1.0.0: built (")


def test_the_clone_is_not_written_to(recipe: Path, hello: Bundle, home: Path, said: list[str]) -> None:
    before = sorted(path.name for path in recipe.iterdir())
    made(hello, home, said)
    assert sorted(path.name for path in recipe.iterdir()) == before


def test_a_failing_build_shows_its_end_and_names_the_log(
    recipe: Path, hello: Bundle, home: Path, said: list[str]
) -> None:
    (recipe / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(UserError, match="undefined: undefined") as caught:
        made(hello, home, said)
    log = Path(str(caught.value).rpartition("The whole log: ")[2])
    assert "undefined: undefined" in log.read_text()


def test_no_network_is_said_once_with_the_page_that_helps(
    recipe: Path, hello: Bundle, home: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIJU_MIRRORS_GO", "http://127.0.0.1:1")  # where nothing ever listens
    (recipe / "go.mod").write_text("module huiju.local/hello\n\ngo 1.21\n\nrequire huiju.example/none v1.0.0\n")
    sums = ("huiju.example/none v1.0.0", "huiju.example/none v1.0.0/go.mod")
    (recipe / "go.sum").write_text("".join(f"{name} h1:{'A' * 43}=\n" for name in sums))
    (recipe / "main.go").write_text('package main\n\nimport _ "huiju.example/none"\n\nfunc main() {}\n')
    with pytest.raises(UserError, match=r"cannot be reached.*docs/engineer/toolchain\.md") as caught:
        made(hello, home, said)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(set(lines))


def test_a_module_that_go_sum_does_not_name_is_refused(
    recipe: Path, hello: Bundle, home: Path, said: list[str]
) -> None:
    (recipe / "go.mod").write_text("module huiju.local/hello\n\ngo 1.21\n\nrequire golang.org/x/text v0.3.0\n")
    (recipe / "main.go").write_text('package main\n\nimport _ "golang.org/x/text/width"\n\nfunc main() {}\n')
    with pytest.raises(UserError, match=r"missing go\.sum entry|go\.sum"):
        made(hello, home, said)


def test_another_architecture_is_passed_through(
    recipe: Path, hello: Bundle, home: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIJU_GOARCH", "arm64")
    into = made(hello, home, said)
    machine = (into / "bin" / "hello").read_bytes()[18:20]
    assert machine == b"\xb7\x00", "ELF machine 183 is AArch64"


def test_the_users_own_go_settings_do_not_reach_the_build(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOSUMDB", "example.org")
    environment = golang.environment()
    assert environment["GOFLAGS"].startswith("-mod=readonly")
    assert environment["GOSUMDB"] == "off"
    assert environment["GOCACHE"].startswith(str(home / "cache"))
