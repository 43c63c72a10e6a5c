"""A tiny image through the real builder: built once, kept, mended, pushed; nothing half-made when it fails."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import UserError
from local import images
from local.images import inventory, sbom, storage, targets
from local.toolchain import store
from tests.local.images import registry
from tests.local.images.conftest import CONTAINERFILE, Workshop

Say = Callable[[str], None]
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("buildah"), reason="building needs root and buildah (apt-get install buildah)"
)


def _blob(archive: Path, digest: str) -> dict[str, Any]:
    """JSON of a blob of an archive."""
    with tarfile.open(archive) as tar:
        stream = tar.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
        assert stream
        content: dict[str, Any] = json.load(stream)
        return content


def test_an_image_is_built_named_by_digest_and_runs_as_nobody_special(workshop: Workshop, say: Say) -> None:
    built = images.build(["tiny"], say)["tiny"]
    digest = built.reference.rpartition("@")[2]
    config = _blob(built.archive, _blob(built.archive, digest)["config"]["digest"])
    assert built.reference.startswith("test.local/tiny@sha256:") and images.reference("tiny") == built.reference
    assert config["config"]["User"] == "10001:10001"
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == built.key
    assert [(part.kind, part.name, part.version) for part in sbom.read(built.sbom)] == [("pypi", "bell", "2.5")]
    assert list((storage.root() / "sessions").iterdir()) == []


def test_an_unchanged_image_is_not_built_again(workshop: Workshop, say: Say, said: list[str]) -> None:
    first = images.build(["tiny"], say)["tiny"]
    said.clear()
    assert images.build(["tiny"], say)["tiny"] == first and said == []


def test_the_same_sources_give_the_same_digest_anywhere(
    workshop: Workshop, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = images.build(["tiny"], say)["tiny"].reference
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    (tmp_path / "other" / "huiju").mkdir(parents=True)
    (workshop.root / "notes/bell-2.5.dist-info/METADATA").chmod(0o600)
    assert images.build(["tiny"], say)["tiny"].reference == first


def test_a_damaged_archive_is_noticed_and_made_again(workshop: Workshop, say: Say, said: list[str]) -> None:
    first = images.build(["tiny"], say)["tiny"]
    whole = hashlib.sha256(first.archive.read_bytes()).hexdigest()
    first.archive.write_bytes(first.archive.read_bytes()[:-512])
    assert not any(row.built for row in inventory.rows())
    assert images.build(["tiny"], say)["tiny"].reference == first.reference
    assert hashlib.sha256(first.archive.read_bytes()).hexdigest() == whole
    assert any("damaged" in line for line in said)


def test_a_failed_build_leaves_no_image_and_no_reference(workshop: Workshop, say: Say) -> None:
    (workshop.folders / "tiny/Containerfile").write_text("FROM scratch\nCOPY absent /\n")
    with pytest.raises(UserError, match="tiny: `buildah"):
        images.build(["tiny"], say)
    assert images.references() == {} and not any(row.built for row in inventory.rows())
    (workshop.folders / "tiny/Containerfile").write_text(CONTAINERFILE)
    assert images.build(["tiny"], say)


def test_an_image_standing_on_another_is_the_same_whether_its_base_was_built_earlier_or_just_now(
    workshop: Workshop, say: Say
) -> None:
    tiny = images.build(["tiny"], say)["tiny"]
    child = workshop.folders / "child"
    child.mkdir()
    (child / "Containerfile").write_text("ARG BASE=test.local/tiny\nFROM ${BASE}\nCOPY extra /extra\n")
    (child / "extra").write_text("more")
    workshop.define(
        {
            "tiny": {"title": "a test", "copies": {"notes": "notes"}, "internal": True},
            "child": {"title": "stands on tiny", "base": "tiny"},
        }
    )
    built = images.build(say=say)["child"]
    assert built.layers[:1] == tiny.layers and len(built.layers) == 2
    store.remove(storage.root() / "tiny")
    store.remove(storage.root() / "child")
    assert images.build(say=say)["child"].reference == built.reference
    assert [part.name for part in sbom.read(built.sbom)] == ["bell"]
    assert set(images.references()) == {"child"}


@pytest.mark.skipif(not shutil.which("skopeo"), reason="pushing needs skopeo (apt-get install skopeo)")
def test_a_push_is_named_by_the_digest_that_the_registry_keeps(workshop: Workshop, say: Say) -> None:
    with registry.running() as (host, kept):
        pushed = images.push(f"{host}/city", ["tiny"], tls=False, say=say)
        (path,) = kept.manifests
        digest = f"sha256:{hashlib.sha256(kept.manifests[path]).hexdigest()}"
    assert path.startswith("city/tiny/manifests/")
    assert pushed == {"tiny": f"{host}/city/tiny@{digest}"}
    assert len(kept.blobs) == 2


@pytest.mark.skipif(not shutil.which("skopeo"), reason="pushing needs skopeo (apt-get install skopeo)")
def test_a_registry_that_does_not_answer_is_one_clear_error(workshop: Workshop, say: Say) -> None:
    with pytest.raises(UserError, match=r"skopeo copy .* failed"):
        images.push("127.0.0.1:1/city", ["tiny"], tls=False, say=say)


def test_loading_imports_each_archive_into_the_embedded_cluster(
    workshop: Workshop, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[Path] = []
    monkeypatch.setattr("local.cluster.image_import", imported.append, raising=False)
    references = images.load(names=["tiny"], say=say)
    assert [path.name for path in imported] == [images.build(["tiny"], say)["tiny"].archive.name]
    assert references == {"tiny": images.reference("tiny")}


def test_kind_and_k3d_are_asked_to_import_the_archive(workshop: Workshop) -> None:
    built = images.Built("tiny", "k", "test.local/tiny@sha256:1", 0, [])
    where = str(storage.entry("tiny", "k") / "tiny-k.tar")
    assert targets.import_command("kind", built, "lab") == ["kind", "load", "image-archive", where, "--name", "lab"]
    assert targets.import_command("k3d", built, "") == ["k3d", "image", "import", where]
