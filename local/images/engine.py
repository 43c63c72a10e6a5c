"""The program that turns a context into an image: buildah, podman or docker, whichever is here. Nothing else needs to know which."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from catalog.errors import UserError
from local import settings
from local.images.debian import EPOCH
from local.toolchain import golang


@dataclass(frozen=True)
class Order:
    """One build."""

    context: Path
    reference: str
    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    secrets: Mapping[str, Path] = field(default_factory=dict)
    """Files that the build may read under these names; they are in no layer and no history."""

    def words(self) -> list[str]:
        """The arguments that buildah, podman and docker share."""
        files = {f"id={name},src": str(path) for name, path in self.secrets.items()}
        options = (*flags("--build-arg", self.arguments), *flags("--label", self.labels), *flags("--secret", files))
        file = str(self.context / "Containerfile")
        return ["--file", file, "--tag", self.reference, *options, str(self.context)]


class Engine(Protocol):
    """What the builder asks of an engine."""

    def build(self, order: Order) -> None:
        """Build and tag."""

    def take_rootfs(self, tar: Path, reference: str) -> None:
        """Make an image of a root file system."""

    def take_archive(self, archive: Path, tag: str, reference: str) -> None:
        """Take back an image that was saved before."""

    def save(self, reference: str, layout: Path) -> None:
        """Write the image as an OCI layout."""


class Buildah:
    """Rootless of daemons and registries: what a bare machine has. Keeps its storage in ``folder`` and nowhere else."""

    def __init__(self, folder: Path) -> None:
        where = {"--root": folder / "root", "--runroot": folder / "run", "--storage-driver": self._driver(folder)}
        self.base = ["buildah", *(str(word) for pair in where.items() for word in pair)]

    def build(self, order: Order) -> None:
        """Build and tag."""
        # Isolation by chroot: no container runtime is needed, and the network is the machine's own.
        how = ("--isolation", "chroot", "--layers=false", "--timestamp", str(EPOCH), "--format", "oci")
        run([*self.base, "bud", *how, *order.words()], order.context.name)

    def take_rootfs(self, tar: Path, reference: str) -> None:
        """Make an image of a root file system."""
        line = ["bud", "--isolation", "chroot", "--layers=false", "--timestamp", str(EPOCH), "--tag", reference]
        with tempfile.NamedTemporaryFile("w", suffix=".Containerfile") as recipe:
            recipe.write(f'FROM scratch\nADD {tar.name} /\nCMD ["/bin/sh"]\n')
            recipe.flush()
            run([*self.base, *line, "--file", recipe.name, str(tar.parent)], reference)

    def take_archive(self, archive: Path, tag: str, reference: str) -> None:
        """Take back an image that was saved before."""
        pulled = run([*self.base, "pull", "--quiet", f"oci-archive:{archive}:{tag}"], reference)
        run([*self.base, "tag", pulled.strip(), reference], reference)

    def save(self, reference: str, layout: Path) -> None:
        """Write the image as an OCI layout."""
        run([*self.base, "push", "--quiet", "--format", "oci", reference, f"oci:{layout}"], reference)

    @staticmethod
    def _driver(folder: Path) -> str:
        """Overlay where the kernel lets us, else plain copies."""
        where = ("--root", str(folder / "probe"), "--runroot", str(folder / "probe-run"))
        probe = ["buildah", *where, "--storage-driver", "overlay", "info"]
        return "overlay" if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else "vfs"


class Client:
    """`docker` or `podman` with the user's own storage; not run on the machine this was written on."""

    def __init__(self, program: str) -> None:
        self.program = program

    def build(self, order: Order) -> None:
        """Build and tag."""
        run([self.program, "build", *order.words()], order.context.name)

    def take_rootfs(self, tar: Path, reference: str) -> None:
        """Make an image of a root file system."""
        run([self.program, "import", str(tar), reference], reference)

    def take_archive(self, archive: Path, tag: str, reference: str) -> None:
        """Take back an image that was saved before."""
        run([self.program, "load", "--input", str(archive)], reference)
        run([self.program, "tag", f"{reference.rsplit(':', 1)[0]}:{tag}", reference], reference)

    def save(self, reference: str, layout: Path) -> None:
        """Write the image as an OCI layout (docker 25 and newer, podman: any)."""
        if self.program == "podman":
            run(["podman", "save", "--format", "oci-dir", "--output", str(layout), reference], reference)
            return
        tar = layout.with_suffix(".tar")
        run(["docker", "save", "--output", str(tar), reference], reference)
        with tarfile.open(tar) as archive:
            archive.extractall(layout, filter="data")
        tar.unlink()


def choose(folder: Path) -> Engine:
    """The engine to use: what the settings name (`images.builder`), else the first of buildah (as root), podman, docker that works."""
    if golang.architecture() != golang.ARCHITECTURES.get(platform.machine()):
        raise UserError(f"images are built on their own architecture: this machine is not {golang.architecture()}.")
    wanted = settings.load().images.builder
    if wanted == "buildah" or (not wanted and os.geteuid() == 0 and shutil.which("buildah")):
        return Buildah(folder)
    for program in [wanted] if wanted else ["podman", "docker"]:
        if (
            shutil.which(program)
            and subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0
        ):
            return Client(program)
    raise UserError(
        f"no working image builder{f' called {wanted}' if wanted else ''} was found.\n"
        "Install one (as root: apt-get install buildah mmdebstrap; otherwise podman or docker) and run again."
    )


def flags(option: str, values: Mapping[str, str]) -> list[str]:
    """``--option name=value`` for each of ``values``."""
    return [word for name, value in values.items() for word in (option, f"{name}={value}")]


def run(line: list[str], what: str) -> str:
    """Run a command and return its output; a failure is a :class:`UserError` with the end of what it said."""
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"{what}: `{' '.join(line[:1] + line[-2:])}` failed with exit code {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
        )
    return done.stdout
