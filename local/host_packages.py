"""Programs of the host: which are missing, and installing them with apt when this is root.

``python -m local.host_packages`` is what ``make setup`` runs. It never fails a machine that only uses another cluster: without root, or
without apt, it prints the command to type and goes on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from local import settings

ROWS = Path(__file__).parent / "host_packages.yaml"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian keeps ``iptables`` and ``runc`` out of an ordinary user's PATH."""


class Part(StrEnum):
    """What stops working without the package."""

    CLUSTER = "cluster"
    IMAGES = "images"
    MEDIA = "media"
    TESTS = "tests"


class HostPackage(BaseModel):
    """A row of ``host_packages.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str = Field(description="Debian package")
    programs: tuple[str, ...] = Field(default=(), description="programs it brings")
    files: tuple[Path, ...] = Field(default=(), description="files it brings")
    services: tuple[str, ...] = Field(default=(), description="systemd units to keep from running")
    part: Part
    why: str = Field(description="one line for the user")

    def present(self) -> bool:
        """Whether everything it brings is here, from this package or from anywhere else."""
        path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
        return all(shutil.which(name, path=path) for name in self.programs) and all(
            file.exists() for file in self.files
        )


def rows() -> tuple[HostPackage, ...]:
    """Every row."""
    return TypeAdapter(tuple[HostPackage, ...]).validate_python(yaml.safe_load(ROWS.read_text(encoding="utf-8")))


def command(packages: list[HostPackage]) -> str:
    """What to type to install them."""
    return "apt-get install -y --no-install-recommends " + " ".join(row.package for row in packages)


def install(packages: list[HostPackage]) -> bool:
    """Install with apt; False when apt failed. Its messages go to standard error."""
    variables = {**os.environ, **settings.environment(), "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    for arguments in (["update", "-q"], [*command(packages).split()[1:], "-q"]):
        if subprocess.run(
            [*apt, *arguments], env=variables, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False
        ).returncode:
            return False
    _quiet(packages)
    return True


def _quiet(packages: list[HostPackage]) -> None:
    """Where systemd runs, a fresh package's services are stopped: the cluster starts its own copies inside its namespaces."""
    units = [unit for row in packages for unit in row.services]
    if units and Path("/run/systemd/system").exists():
        subprocess.run(["systemctl", "disable", "--now", *units], stdout=sys.stderr, check=False)


def main() -> int:
    """Install what is missing, or say what to type."""
    missing = [row for row in rows() if not row.present()]
    if not missing:
        return 0
    names = ", ".join(row.package for row in missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(
            f"setup: not installed here: {names}.\nsetup: for the embedded cluster, type as root: {command(missing)}",
            file=sys.stderr,
        )
        return 0
    print(f"setup: installing {names}", file=sys.stderr)
    if not install(missing):
        print(f"error: apt could not install {names}. Type to see why: {command(missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
