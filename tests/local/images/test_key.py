"""The content key changes with everything that decides what is in an image, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.images.key import key
from tests.local.images.conftest import Workshop

TINY = {"title": "a test", "copies": {"notes": "notes"}}
CHANGES: dict[str, Callable[[Workshop], object]] = {
    "the Containerfile": lambda shop: (shop.folders / "tiny/Containerfile").write_text("FROM scratch\n"),
    "a copied file's content": lambda shop: (shop.root / "notes/bell-2.5.dist-info/METADATA").write_text("Name: B"),
    "a copied file's name": lambda shop: (shop.root / "notes/bell-2.5.dist-info/METADATA").rename(
        shop.root / "notes/M"
    ),
    "a copied file's mode": lambda shop: (shop.root / "notes/bell-2.5.dist-info/METADATA").chmod(0o755),
    "where the copy goes": lambda shop: shop.define({"tiny": {**TINY, "copies": {"notes": "other"}}}),
    "a program of the toolchain": lambda shop: shop.define({"tiny": {**TINY, "programs": ["pause"]}}),
    "its base": lambda shop: shop.define({"tiny": {**TINY, "base": "debian"}}),
}
SAME: dict[str, Callable[[Workshop], object]] = {
    "compiled Python": lambda shop: _leave(shop, "notes/__pycache__/x.pyc"),
    "npm's packages": lambda shop: _leave(shop, "notes/node_modules/x/index.js"),
    "being internal": lambda shop: shop.define({"tiny": {**TINY, "internal": True}}),
    "another image": lambda shop: shop.define({"tiny": TINY, "other": {"title": "another"}}),
    "the group's permissions": lambda shop: (shop.root / "notes/bell-2.5.dist-info/METADATA").chmod(0o600),
}


def _leave(shop: Workshop, name: str) -> None:
    (shop.root / name).parent.mkdir(parents=True)
    (shop.root / name).write_text("left behind")


@pytest.mark.parametrize("what", CHANGES)
def test_the_key_changes_with(what: str, workshop: Workshop) -> None:
    before = key("tiny")
    CHANGES[what](workshop)
    assert key("tiny") != before


@pytest.mark.parametrize("what", SAME)
def test_the_key_does_not_change_with(what: str, workshop: Workshop) -> None:
    before = key("tiny")
    SAME[what](workshop)
    assert key("tiny") == before


def test_a_change_of_the_base_reaches_what_stands_on_it(workshop: Workshop) -> None:
    (workshop.folders / "child").mkdir()
    workshop.define({"tiny": TINY, "child": {"title": "stands on tiny", "base": "tiny"}})
    before = key("child")
    (workshop.folders / "tiny/Containerfile").write_text("FROM scratch\n")
    assert key("child") != before


def test_the_way_debian_is_had_is_part_of_the_key(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.define({"tiny": {**TINY, "base": "debian"}})
    keys = set()
    for way, upstream in (("bootstrap", ""), ("registry", ""), ("registry", "mirror/debian:slim")):
        monkeypatch.setenv("HUIJU_IMAGES_BASE", way)
        monkeypatch.setenv("HUIJU_IMAGES_UPSTREAM", upstream)
        keys.add(key("tiny"))
    assert len(keys) == 3
