"""The cluster's image store: what its own parts need, and how archives get in."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import UserError
from local.cluster import process
from local.cluster.layout import CONTAINERD_SOCKET, layout

if TYPE_CHECKING:
    from local.images import Built

OWN = ("pause", "coredns", "local-path-provisioner", "base")
"""Images of the cluster itself; ``base`` makes and clears the folders of volumes."""
NAMESPACE = "k8s.io"
"""containerd's namespace that the kubelet uses."""
REPOSITORY = "huiju.local"


def own() -> dict[str, Built]:
    """The cluster's own images, built when they are not there yet."""
    from local import images

    return images.build(OWN)


def ctr(*arguments: str, seconds: float = 600) -> str:
    """Run containerd's client inside the cluster's mount namespace and return what it says."""
    first = process.read(layout().process("supervisor"))
    if first is None:
        raise UserError("the embedded cluster is not running; type `huiju cluster up`.")
    inside = ["nsenter", "-t", str(first.pid), "-m", "-n", "-p", "--"]
    command = [*inside, "ctr", "--address", str(CONTAINERD_SOCKET), "--namespace", NAMESPACE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise OSError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def present() -> set[str]:
    """References in the cluster's image store."""
    return set(ctr("images", "list", "--quiet").split())


def digest_in(archive: Path) -> str:
    """``sha256:...`` of the single manifest of an OCI archive; :class:`UserError` when it is none."""
    try:
        with tarfile.open(archive) as tar:
            index = tar.extractfile("index.json")
            manifests = json.loads(index.read() if index else b"{}")["manifests"]
            (digest,) = {manifest["digest"] for manifest in manifests}  # one manifest may be listed under two names
            return str(digest)
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise UserError(
            f"{archive} is not an OCI archive of one image ({error}); make it with `huiju images build`."
        ) from error


def image_import(archive: Path, name: str | None = None) -> str:
    """Import an OCI archive unless its image is there; returns the reference that pods name, ``huiju.local/<name>@sha256:...``.

    ``name`` defaults to the archive's file name ``<name>-<key>.tar``.
    """
    repository = f"{REPOSITORY}/{name or archive.stem.rpartition('-')[0]}"
    reference = f"{repository}@{digest_in(archive)}"
    if reference not in present():
        ctr("images", "import", "--base-name", repository, "--digests", str(archive.resolve()))
    return reference


def import_own(built: Mapping[str, Built]) -> None:
    """Import those of the cluster's own images that are not in the store."""
    for name, image in built.items():
        image_import(image.archive, name)
