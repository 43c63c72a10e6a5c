"""The order in which a tool is looked for, and what happens when a source fails."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from catalog.errors import UserError
from local.toolchain import build, download, pins, provenance, resolve, store, upkeep
from local.toolchain.pins import Bundle
from local.toolchain.report import Say

from .conftest import Site, archive

RELEASED = archive({"thing-1.2.3/thing": b"#!/bin/sh\necho 1.2.3 from the release\n", "thing-1.2.3/README": b"x"})
Use = Callable[..., None]
READ = pins.load.__wrapped__
"""Reads pins without remembering them."""


@pytest.fixture
def use(home: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Use:
    """``use(release=..., on_path=...)``: pins with one bundle ``thing``, whose build is pretended."""
    monkeypatch.setenv("PATH", str(home / "bin"))
    monkeypatch.setattr(pins, "RECIPES", home / "recipes")
    (home / "recipes" / "thing").mkdir(parents=True)
    (home / "recipes" / "thing" / "go.sum").write_text("sums")
    site.files["/v1.2.3/thing-linux-amd64.tar.gz"] = RELEASED

    def pretend(name: str, bundle: Bundle, into: Path, say: Say) -> None:
        (into / "bin").mkdir()
        (into / "bin" / "thing").write_text("built")
        provenance.write(into, how="build", source="recipes/thing", go="1.26.8")

    monkeypatch.setattr(build, "fill", pretend)

    def configure(release: dict[str, object] | None = None, **more: object) -> None:
        common = {
            "url": f"{site.url}/v{{version}}/thing-linux-{{arch}}.tar.gz",
            "architectures": {"amd64": "amd64"},
            "members": {"thing-1.2.3/thing": "bin/thing"},
        }
        thing = {
            "version": "1.2.3",
            "recipe": "thing",
            "packages": {"example.org/thing": "thing"},
            "disk_gib": 1,
            "release": None if release is None else {**common, **release},
            **more,
        }
        text = yaml.safe_dump({"go": {"minimum": "1.26.7", "wheel": "go.lock"}, "bundles": {"thing": thing}})
        path = home / "toolchain.yaml"
        path.write_text(text)
        loaded = READ(path)
        monkeypatch.setattr(pins, "load", lambda: loaded)

    return configure


def pinned(body: bytes = RELEASED) -> dict[str, object]:
    return {"digests": {"amd64": f"sha256:{hashlib.sha256(body).hexdigest()}"}, "digests_from": "this test"}


def test_a_program_on_path_comes_first(use: Use, home: Path, said: list[str]) -> None:
    use(pinned(), on_path={"thing": {"arguments": ["--version"], "accepts": ">=1.2,<2"}})
    (home / "bin").mkdir()
    (home / "bin" / "thing").write_text("#!/bin/sh\necho thing 1.4.0\n")
    (home / "bin" / "thing").chmod(0o755)
    assert resolve.tool("thing", said.append) == home / "bin" / "thing"
    assert upkeep.state("thing").how == "path"
    assert upkeep.state("thing").version == "1.4.0"


def test_the_settings_can_turn_path_off(
    use: Use, home: Path, said: list[str], write_settings: Callable[[object], Path]
) -> None:
    use(on_path={"thing": {"arguments": ["--version"], "accepts": ">=1.2,<2"}})
    (home / "bin").mkdir()
    (home / "bin" / "thing").write_text("#!/bin/sh\necho thing 1.4.0\n")
    (home / "bin" / "thing").chmod(0o755)
    write_settings({"tools": {"from_path": False}})
    assert resolve.tool("thing", said.append).read_text() == "built"


def test_the_official_release_comes_second(use: Use, site: Site, said: list[str]) -> None:
    use(pinned())
    path = resolve.tool("thing", said.append)
    assert "from the release" in path.read_text()
    assert path.stat().st_mode & 0o111
    assert upkeep.state("thing").how == "download"
    resolve.tool("thing", said.append)
    assert len(site.asked) == 1, "the second time it is in the cache"


def test_nothing_but_the_listed_members_is_unpacked(use: Use, said: list[str]) -> None:
    use(pinned())
    entry = resolve.bundle("thing", said.append)
    assert {path.name for path in entry.rglob("*") if path.is_file()} == {"thing", "source.json", "manifest.json"}


def test_a_release_with_a_wrong_checksum_is_not_used_and_the_tool_is_built(
    use: Use, home: Path, said: list[str]
) -> None:
    use(pinned(b"something else"))
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert any("does not have the pinned checksum" in line for line in said)
    assert not [
        path for path in (home / "cache").rglob("*") if path.suffix == ".part" or path.name.endswith("-release")
    ]


def test_a_release_without_the_program_is_not_used(use: Use, site: Site, said: list[str]) -> None:
    body = archive({"thing-1.2.3/other": b"x"})
    site.files["/v1.2.3/thing-linux-amd64.tar.gz"] = body
    use(pinned(body))
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert any("the release has no thing-1.2.3/thing" in line for line in said)


@pytest.mark.parametrize("mood", ["status 404", "hangs", "truncates", "status 500"])
def test_a_release_site_that_fails_leads_to_a_build(
    use: Use, site: Site, mood: str, write_settings: Callable[[object], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    use(pinned())
    site.moods = [mood]
    write_settings({"releases": {"stall_seconds": 0.2}})
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert any("building it instead" in line for line in said)


def test_without_a_pinned_checksum_nothing_is_downloaded(use: Use, site: Site, said: list[str]) -> None:
    use({"published": f"{site.url}/sums"})
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert site.asked == []


def test_releases_can_be_turned_off(
    use: Use, site: Site, said: list[str], write_settings: Callable[[object], Path]
) -> None:
    use(pinned())
    write_settings({"releases": {"allow": "off"}})
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert site.asked == []


@pytest.mark.parametrize(
    "listed",
    ["{digest}  thing-linux-amd64.tar.gz\n", "00ff  other\n{digest} *thing-linux-amd64.tar.gz\n", "{digest}\n"],
)
def test_a_published_checksum_is_used_where_the_settings_allow_it(
    use: Use, site: Site, said: list[str], listed: str, write_settings: Callable[[object], Path]
) -> None:
    site.files["/sums"] = listed.format(digest=hashlib.sha256(RELEASED).hexdigest()).encode()
    use({"published": f"{site.url}/sums"})
    write_settings({"releases": {"allow": "published"}})
    assert "from the release" in resolve.tool("thing", said.append).read_text()


def test_a_list_that_does_not_name_the_file_leads_to_a_build(
    use: Use, site: Site, said: list[str], write_settings: Callable[[object], Path]
) -> None:
    site.files["/sums"] = b"00ff  other-file\n"
    use({"published": f"{site.url}/sums"})
    write_settings({"releases": {"allow": "published"}})
    assert resolve.tool("thing", said.append).read_text() == "built"


def test_a_damaged_tool_is_made_again(use: Use, said: list[str]) -> None:
    use()
    path = resolve.tool("thing", said.append)
    path.write_text("BUILT!")
    assert resolve.tool("thing", said.append).read_text() == "built"


def test_verify_finds_what_the_cheap_check_cannot_and_the_next_use_mends_it(use: Use, said: list[str]) -> None:
    use()
    path = resolve.tool("thing", said.append)
    time = path.stat().st_mtime_ns
    path.write_text("BUILT")
    os.utime(path, ns=(time, time))
    assert upkeep.verify(said.append) == [f"{path}: content differs from the manifest"]
    assert resolve.tool("thing", said.append).read_text() == "built"
    assert upkeep.verify(said.append) == []


def test_the_key_follows_recipe_pins_and_architecture_but_not_the_installed_go(
    use: Use, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use()
    keys = {resolve.key("thing")}
    use(ldflags=["-X main.Version=1"])
    keys.add(resolve.key("thing"))
    (home / "recipes" / "thing" / "go.sum").write_text("other sums")
    keys.add(resolve.key("thing"))
    monkeypatch.setenv("HUIJU_GOARCH", "arm64")
    keys.add(resolve.key("thing"))
    assert len(keys) == 4
    use(ldflags=["-X main.Version=1"], disk_gib=9)
    assert resolve.key("thing") in keys, "an estimate of disk space is no reason to build again"


def test_clean_keeps_the_current_tools_and_drops_old_ones(use: Use, said: list[str]) -> None:
    use()
    old = resolve.bundle("thing", said.append)
    use(ldflags=["-X main.Version=2"])
    new = resolve.bundle("thing", said.append)
    assert upkeep.clean(said.append) > 0
    assert not old.exists()
    assert store.intact(new)


def test_go_caches_are_dropped_unless_asked_to_be_kept(
    use: Use, home: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use()
    monkeypatch.delenv("HUIJU_KEEP_GO_CACHE", raising=False)
    module = home / "cache" / "huiju" / "go" / "mod" / "example.org"
    module.mkdir(parents=True)
    (module / "file").write_text("x" * 100)
    module.chmod(0o500)
    monkeypatch.setenv("HUIJU_KEEP_GO_CACHE", "1")
    assert upkeep.drop_go_caches(said.append) == 0
    monkeypatch.delenv("HUIJU_KEEP_GO_CACHE")
    assert upkeep.drop_go_caches(said.append) == 100
    assert not module.exists()


def test_a_build_without_enough_disk_is_refused_before_it_begins(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    use(disk_gib=10**6)
    with pytest.raises(UserError, match=r"needs 1000000 GiB free under .*, there are [\d.]+"):
        build.check_disk("thing", pins.load().bundles["thing"])
