"""Bringing built images to where pods run: the embedded cluster, kind, k3d, or a registry."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from catalog.errors import UserError
from local.images.builder import Built, build
from local.images.report import to_stderr
from local.toolchain.report import Say


class Target(StrEnum):
    """Clusters whose image store can be filled from an archive."""

    EMBEDDED = "embedded"
    KIND = "kind"
    K3D = "k3d"


def load(
    target: Target | str = Target.EMBEDDED, names: Iterable[str] | None = None, cluster: str = "", say: Say = to_stderr
) -> dict[str, str]:
    """Build what is missing and import every image into the cluster's own store; returns name -> reference."""
    built = build(names, say)
    for image in built.values():
        if target == Target.EMBEDDED:
            from local.cluster import image_import

            image_import(image.archive)
        else:
            _run(import_command(target, image, cluster))
        say(f"{image.name}: loaded into {cluster or target}")
    return {name: image.reference for name, image in built.items()}


def import_command(target: Target | str, image: Built, cluster: str) -> list[str]:
    """Command line that imports an archive into a kind or k3d cluster; ``cluster`` is its name, empty for the tool's default."""
    if target == Target.KIND:
        return ["kind", "load", "image-archive", str(image.archive), *(["--name", cluster] if cluster else [])]
    return ["k3d", "image", "import", str(image.archive), *(["--cluster", cluster] if cluster else [])]


def push(
    registry: str, names: Iterable[str] | None = None, *, tls: bool = True, say: Say = to_stderr
) -> dict[str, str]:
    """Copy images to ``registry`` (host[:port][/path]) and return name -> reference by the digest that the registry keeps."""
    pushed = {}
    for image in build(names, say).values():
        with tempfile.TemporaryDirectory() as scratch:
            digest = Path(scratch, "digest")
            _run(push_command(registry, image, digest, tls=tls))
            pushed[image.name] = f"{registry.rstrip('/')}/{image.name}@{digest.read_text(encoding='utf-8').strip()}"
        say(f"{image.name}: pushed as {pushed[image.name]}")
    return pushed


def push_command(registry: str, image: Built, digest_file: Path, *, tls: bool) -> list[str]:
    """skopeo's command line. Credentials come from `skopeo login` (or docker's and podman's login files), never from arguments."""
    source = f"oci-archive:{image.archive}:{image.key}"
    verify = [] if tls else ["--dest-tls-verify=false"]
    target = f"docker://{registry.rstrip('/')}/{image.name}:{image.key}"
    return ["skopeo", "copy", "--quiet", "--digestfile", str(digest_file), *verify, source, target]


def _run(line: list[str]) -> None:
    if shutil.which(line[0]) is None:
        raise UserError(f"{line[0]} is not on PATH. Install it and run again.")
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"`{' '.join(line)}` failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")
