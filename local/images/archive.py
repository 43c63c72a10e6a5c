"""The OCI archive of an image: one tar that containerd, kind, skopeo, podman and docker all read."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.images.debian import EPOCH

REF_NAME = "org.opencontainers.image.ref.name"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
FULL_NAME = "io.containerd.image.name"


def manifest_digest(layout: Path) -> str:
    """``sha256:...`` of the single manifest of an OCI layout."""
    (digest,) = {manifest["digest"] for manifest in _json(layout / "index.json")["manifests"]}
    return str(digest)


def write(layout: Path, repository: str, tag: str, target: Path) -> str:
    """Pack ``layout`` into ``target`` so that an import names it both ``repository:tag`` and ``repository@digest``; returns the latter."""
    index = _json(layout / "index.json")
    plain = _without_annotations(layout)
    by_digest = f"{repository}@{plain['digest']}"
    index["manifests"] = [
        {**plain, "annotations": {REF_NAME: tag, FULL_NAME: f"{repository}:{tag}"}},
        {**plain, "annotations": {FULL_NAME: by_digest}},
    ]
    (layout / "index.json").write_text(json.dumps(index), encoding="utf-8")
    with tarfile.open(target, "w") as tar:
        for name in ("oci-layout", "index.json", "blobs"):
            tar.add(layout / name, name, filter=_anonymous)
    return by_digest


def _without_annotations(layout: Path) -> dict[str, Any]:
    """The manifest's row, after buildah's note of its base was taken out: it depends on how the base came into buildah's storage."""
    before = manifest_digest(layout)
    manifest = {name: value for name, value in _json(blob(layout, before)).items() if name != "annotations"}
    content = json.dumps(manifest, separators=(",", ":")).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    blob(layout, before).unlink()
    blob(layout, digest).write_bytes(content)
    return {"mediaType": manifest.get("mediaType", MANIFEST), "digest": digest, "size": len(content)}


def layers(layout: Path) -> list[Path]:
    """Blobs of the layers, lowest first."""
    manifest = _json(blob(layout, manifest_digest(layout)))
    return [blob(layout, layer["digest"]) for layer in manifest["layers"]]


def blob(layout: Path, digest: str) -> Path:
    """File of a blob."""
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def files(layer: Path) -> Iterator[tuple[str, tarfile.TarFile, tarfile.TarInfo]]:
    """Regular files of a layer, compressed or not: name without a leading slash, the tar and the member to read."""
    with tarfile.open(layer, "r:*") as tar:
        for member in tar:
            if member.isfile():
                yield member.name.removeprefix("./").lstrip("/"), tar, member


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = EPOCH
    return member


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
