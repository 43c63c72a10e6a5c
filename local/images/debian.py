"""The Debian base: from a registry where one is used, else bootstrapped from the suite's packages under the same name."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from catalog.errors import UserError
from local import paths, settings
from local.images import environment
from local.images.definition import Images
from local.toolchain import store
from local.toolchain.golang import architecture
from local.toolchain.report import Say

EPOCH = 1735689600
"""2025-01-01T00:00:00Z, the time given to every file: equal packages then give an equal digest."""
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
"""What the registry's slim image leaves out too; copyright notices stay."""
OPTIONS = (
    "--variant=minbase",
    "--include=usr-is-merged",  # else `usrmerge` comes, and 40 MB of Perl with it
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--customize-hook=rm -rf "$1"/var/log/apt "$1"/var/log/*.log "$1"/var/lib/dpkg/*-old "$1"/var/cache/ldconfig/aux-cache',
)


def bootstrapped() -> bool:
    """Whether Debian is made here: as the settings say (`images.base`), else wherever mmdebstrap is installed."""
    wanted = settings.load().images.base
    return wanted == "bootstrap" or (not wanted and shutil.which("mmdebstrap") is not None)


def upstream(images: Images) -> str:
    """What is pulled otherwise."""
    return settings.load().images.upstream or images.upstream


def key(images: Images) -> str:
    """What the base is made from: the registry's name of it, or the recipe of the bootstrap."""
    if not bootstrapped():
        return upstream(images)
    return hashlib.sha256("\n".join([images.suite, str(EPOCH), architecture(), *OPTIONS]).encode()).hexdigest()[:16]


def rootfs(images: Images, say: Say) -> Path:
    """Tar of the bootstrapped root file system, cached."""
    folder = paths.cache_dir() / "images" / "debian" / key(images)
    return store.ensure(folder, lambda into: _bootstrap(images.suite, into / "rootfs.tar", say), say) / "rootfs.tar"


def _bootstrap(suite: str, target: Path, say: Say) -> None:
    say(f"debian: bootstrapping {suite}")
    done = subprocess.run(
        command(suite, target, environment.debian_mirror()),
        env={**os.environ, **environment.variables(), "SOURCE_DATE_EPOCH": str(EPOCH)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(
            f"Debian {suite} could not be bootstrapped (mmdebstrap exit code {done.returncode}):\n{done.stderr[-2000:]}\n"
            "Behind a firewall, name a package mirror: docs/engineer/images.md, 'Mirrors and proxies'."
        )


def command(suite: str, target: Path, mirror: str) -> list[str]:
    """The bootstrap's command line. A mirror of the city's own is used but leaves no trace in the image."""
    line = ["mmdebstrap", "--quiet", f"--architectures={architecture()}", *OPTIONS]
    if not mirror:
        return [*line, suite, str(target)]
    forget = '--customize-hook=: > "$1"/etc/apt/sources.list'
    return [*line, forget, suite, str(target), *mirror_lines(mirror, suite)]


def mirror_lines(mirror: str, suite: str) -> list[str]:
    """Sources of a mirror that keeps `debian-security` beside `debian`, as the public ones do."""
    security = mirror.rstrip("/").rpartition("/")[0] + "/debian-security"
    return [
        f"deb {mirror} {suite} main",
        f"deb {mirror} {suite}-updates main",
        f"deb {security} {suite}-security main",
    ]
