"""The list of images and the folders of Containerfiles agree, and hold to the kit's rules for images."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.errors import UserError
from derive import pods
from local import paths
from local.images import definition
from tests.local.images.conftest import Workshop

IMAGES = definition.load()


def test_every_folder_is_in_the_list_and_every_row_has_its_containerfile() -> None:
    folders = {path.parent.name for path in definition.FOLDERS.glob("*/Containerfile")}
    assert folders == set(IMAGES.images)


POSTGRES = 26
"""The user by whose number PostgreSQL's operator runs every instance, and what stands beside it."""


@pytest.mark.parametrize("name", IMAGES.images)
def test_every_image_runs_as_the_platforms_own_user(name: str) -> None:
    users = re.findall(r"^USER (.*)$", (definition.folder(name) / "Containerfile").read_text(), re.MULTILINE)
    user = POSTGRES if name in {"postgresql", "barman-cloud"} else pods.UID
    assert users[-1] == f"{user}:{user}"


@pytest.mark.parametrize("name", IMAGES.images)
def test_no_containerfile_names_a_registry(name: str) -> None:
    text = (definition.folder(name) / "Containerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE) + re.findall(r"^ARG \w+=(\S+)", text, re.MULTILINE)
    outside = [stage for stage in stages if "." in stage.split("/")[0] and not stage.startswith(IMAGES.namespace)]
    assert outside == []


@pytest.mark.parametrize("name", IMAGES.images)
def test_a_containerfile_stands_on_the_base_that_the_list_gives_it(name: str) -> None:
    base = IMAGES.images[name].base
    expected = {None: "scratch", definition.DEBIAN: IMAGES.upstream}.get(base, f"{IMAGES.namespace}/{base}")
    first = re.search(
        r"^(?:ARG \w+=|FROM )(\S+)", (definition.folder(name) / "Containerfile").read_text(), re.MULTILINE
    )
    assert first and first[1] == expected


@pytest.mark.parametrize("page", ["images.md", "images.zh.md"])
def test_the_page_has_a_row_for_every_image(page: str) -> None:
    text = (paths.ROOT / "docs" / "engineer" / page).read_text(encoding="utf-8")
    assert [name for name in IMAGES.images if f"| `{name}` |" not in text] == []


def test_wheels_are_pinned_by_hash() -> None:
    for name, image in IMAGES.images.items():
        for pinned in (image.wheel, image.packages):
            if pinned:
                assert "--hash=sha256:" in (definition.folder(name) / pinned.lock).read_text()


def test_what_runs_in_the_cluster_has_the_versions_that_are_tested_here() -> None:
    packages = IMAGES.images["kit-base"].packages
    assert packages
    here, there = (
        set(re.findall(r"^(\S+==\S+)", file.read_text(), re.MULTILINE))
        for file in (paths.ROOT / "requirements.lock", definition.folder("kit-base") / packages.lock)
    )
    assert there and there <= here


def test_internal_images_are_not_public() -> None:
    assert "media-base" in IMAGES.images and "media-base" not in IMAGES.public()


def test_lineage_is_nearest_first() -> None:
    assert IMAGES.lineage("media-tools") == ("media-tools", "media-base", "base")


def test_an_unknown_image_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UserError, match=r"no image called envoi\. There are: base, pause"):
        IMAGES.get("envoi")


def test_every_problem_of_the_list_is_told_at_once(workshop: Workshop) -> None:
    workshop.define({"a": {"titel": "x"}, "b": {"title": "x", "wheel": {"lock": "l"}}})
    with pytest.raises(UserError) as caught:
        definition.load()
    assert all(part in str(caught.value) for part in ("images.a.titel", "images.a.title", "images.b.wheel.path"))


def test_a_list_that_is_not_yaml_is_refused_with_its_file(workshop: Workshop, tmp_path: Path) -> None:
    workshop.file.write_text("images: [", encoding="utf-8")
    definition._read.cache_clear()
    with pytest.raises(UserError, match=f"{tmp_path}/images.yaml: not YAML"):
        definition.load()
