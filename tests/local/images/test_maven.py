"""Archives from a Maven repository: what is pinned comes in whole, anything else not at all. Maven itself is played by a script."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from local.images import maven
from local.images.definition import Artifact
from local.toolchain.store import sha256

SCRIPT = """#!/bin/sh
for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; --settings) :;; esac; done
mkdir -p "$out"; cp '%s' "$out/thing-1.zip"; echo "$@" >> '%s'; cat "$(echo "$@" | sed 's/.*--settings \\([^ ]*\\).*/\\1/')" >> '%s'
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "thing.zip"
    with zipfile.ZipFile(path, "w") as opened:
        run = zipfile.ZipInfo("thing-1/bin/run")
        run.external_attr = 0o755 << 16
        opened.writestr(run, "#!/bin/sh\n")
        opened.writestr("thing-1/lib/a.jar", "a")
    return path


@pytest.fixture
def said(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the script was given; caches are this test's own."""
    log, folder = tmp_path / "said", tmp_path / "bin"
    folder.mkdir()
    (folder / "mvn").write_text(SCRIPT % (archive, log, log))
    (folder / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    return log


def artifact(digest: str) -> Artifact:
    return Artifact(coordinates="org.example:thing:1:zip", sha256=digest, to="thing")


def test_it_is_unpacked_once_without_its_top_folder_and_with_its_modes(archive: Path, said: Path) -> None:
    found = maven.unpacked(artifact(sha256(archive)), print)
    assert sorted(str(each.relative_to(found)) for each in found.rglob("*") if each.is_file()) == [
        "bin/run",
        "lib/a.jar",
    ]
    assert [(found / name).stat().st_mode & 0o111 != 0 for name in ("bin/run", "lib/a.jar")] == [True, False]
    assert maven.unpacked(artifact(sha256(archive)), print) == found
    assert said.read_text().count("org.example:thing:1:zip") == 1


def test_another_archive_than_the_pinned_one_is_not_taken(said: Path) -> None:
    with pytest.raises(UserError, match="pins 0000"):
        maven.unpacked(artifact("0" * 64), print)
    assert said.exists()


def test_what_leads_out_of_the_folder_is_refused(archive: Path, said: Path) -> None:
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("thing-1/../../../escaped", "x")
    with pytest.raises(UserError, match="leads out"):
        maven.unpacked(artifact(sha256(archive)), print)
    assert said.exists()


def test_mirror_and_proxy_reach_maven(archive: Path, said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIJU_MIRRORS_MAVEN", "https://mirror.city.example/maven?a&b")
    monkeypatch.setenv("HUIJU_PROXY_HTTPS", "http://proxy.city.example:3128")
    maven.unpacked(artifact(sha256(archive)), print)
    text = said.read_text()
    assert "<url>https://mirror.city.example/maven?a&amp;b</url>" in text
    assert "<host>proxy.city.example</host><port>3128</port>" in text


def test_without_maven_it_says_what_to_type(said: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not said.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install maven"):
        maven.unpacked(artifact("0" * 64), print)
