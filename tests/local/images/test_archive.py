"""The archive of an image names it by tag and by digest, and equal layouts give equal bytes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from local.images import archive


def _layout(folder: Path, notes: dict[str, str] | None = None) -> Path:
    """A smallest OCI layout: a manifest with one layer."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return f"sha256:{digest}"

    layer = put(b"layer")
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = put(json.dumps({"mediaType": kind, "layers": [{"digest": layer}], "annotations": notes}).encode())
    row = {"mediaType": kind, "digest": manifest, "size": 1, "annotations": {"x": "y"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def test_an_import_names_the_image_by_key_and_by_digest(tmp_path: Path) -> None:
    reference = archive.write(_layout(tmp_path / "layout"), "test.local/x", "k1", tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as tar:
        stream = tar.extractfile("index.json")
        assert stream
        index = json.load(stream)
    names = [row["annotations"]["io.containerd.image.name"] for row in index["manifests"]]
    digests = {row["digest"] for row in index["manifests"]}
    assert names == ["test.local/x:k1", reference]
    assert reference == f"test.local/x@{digests.pop()}" and not digests


def test_only_one_row_has_a_tag_so_that_readers_of_archives_find_one_image(tmp_path: Path) -> None:
    layout = _layout(tmp_path / "layout")
    archive.write(layout, "test.local/x", "k1", tmp_path / "x.tar")
    rows = json.loads((layout / "index.json").read_text())["manifests"]
    assert [row["annotations"].get("org.opencontainers.image.ref.name") for row in rows] == ["k1", None]


def test_equal_layouts_give_equal_archives(tmp_path: Path) -> None:
    for name in ("a", "b"):
        archive.write(_layout(tmp_path / name / "layout"), "test.local/x", "k1", tmp_path / f"{name}.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_what_the_builder_notes_about_the_base_does_not_change_the_digest(tmp_path: Path) -> None:
    layouts = [_layout(tmp_path / text / "layout", {"base.digest": text}) for text in ("a", "b")]
    references = {archive.write(layout, "test.local/x", "k1", layout.with_name("x.tar")) for layout in layouts}
    assert len(references) == 1
    assert all(len(list((layout / "blobs" / "sha256").iterdir())) == 2 for layout in layouts)


def test_layers_are_found_before_and_after_packing(tmp_path: Path) -> None:
    layout = _layout(tmp_path / "layout")
    before = archive.layers(layout)
    archive.write(layout, "test.local/x", "k1", tmp_path / "x.tar")
    assert archive.layers(layout) == before and before[0].read_bytes() == b"layer"
