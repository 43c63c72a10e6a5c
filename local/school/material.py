"""What a school box is made of: a blank Debian, and every package that a box installs or updates, from one resolution.

Both come from one run, so that the packages fit the root to the letter. The root is what an installer leaves: systemd, sshd and Python.
The packages are the closure of what the box wants **and** the root's own, so that a box that was installed from an older medium can be
brought up to date from the parcel alone: a school has no other Internet.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import UserError
from local import paths
from local.images import debian, definition, environment
from local.toolchain import store
from local.toolchain.golang import architecture
from local.toolchain.report import Say

BLANK = ("usr-is-merged", "systemd", "systemd-sysv", "openssh-server", "python3", "iproute2")
"""Packages of the blank root beside Debian's essential ones."""
ROOT, POOL = "root.tar", "pool"
DOWNLOAD = (
    'mkdir -p "$1/parcel/partial" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes --quiet=2 --download-only --reinstall '
    '-o Dir::Cache::Archives="$1/parcel" -o APT::Install-Recommends=false install {packages} '
    "$(chroot \"$1\" dpkg-query -W -f '${{Package}}\\n')"
)
"""Run by mmdebstrap while its package lists are still there."""
TIDY = (
    # Keys of a host are that host's: each box makes its own.
    'rm -rf "$1"/parcel "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id "$1"/var/log/*.log "$1"/var/log/apt',
    ': > "$1"/etc/resolv.conf; : > "$1"/etc/apt/sources.list; rm -f "$1"/etc/apt/sources.list.d/*',
)


def material(packages: Sequence[str], say: Say, *, day: str = "") -> Path:
    """Folder with ``root.tar`` and ``pool/*.deb``, cached. Resolved anew every month, and for each ``day`` that is named."""
    folder = paths.cache_dir() / "school" / key(packages, day or time.strftime("%Y-%m"))
    return store.ensure(folder, lambda into: _make(packages, into, say), say)


def key(packages: Sequence[str], when: str) -> str:
    """What the material is made from."""
    words = [definition.load().suite, architecture(), when, *BLANK, "--", *packages, DOWNLOAD, *TIDY, *debian.OPTIONS]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def command(packages: Sequence[str], suite: str, into: Path, mirror: str) -> list[str]:
    """The one command line."""
    hooks = (DOWNLOAD.format(packages=" ".join(packages)), f"sync-out /parcel {into / POOL}", *TIDY)
    line = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(BLANK)}",
        f"--architectures={architecture()}",
    ]
    line += [
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(f"--dpkgopt=path-exclude={each}" for each in debian.EXCLUDED),
    ]
    line += [f"--customize-hook={hook}" for hook in hooks]
    return [*line, suite, str(into / ROOT), *(debian.mirror_lines(mirror, suite) if mirror else ())]


def _make(packages: Sequence[str], into: Path, say: Say) -> None:
    say("a blank Debian and the packages of a school box: about two minutes, once a month")
    (into / POOL).mkdir()
    done = subprocess.run(
        command(packages, definition.load().suite, into, environment.debian_mirror()),
        env={**os.environ, **environment.variables(), "SOURCE_DATE_EPOCH": str(debian.EPOCH)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(
            f"the packages of a school box could not be gathered (mmdebstrap exit code {done.returncode}):\n{done.stderr[-2000:]}\n"
            "Behind a firewall, name a package mirror: docs/engineer/images.md, 'Mirrors and proxies'."
        )
    for stray in ("partial", "lock"):
        store.remove(into / POOL / stray) if (into / POOL / stray).is_dir() else (into / POOL / stray).unlink(
            missing_ok=True
        )
