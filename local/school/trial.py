"""A trial school on this machine: its box, its room and its link, as names and addresses that clash with nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path

from local import paths

LAN = "192.168.100"
"""First three numbers of the school's own network; it exists only between the box's and the room's namespaces."""
PREFIX = 30


@dataclass(frozen=True)
class Trial:
    """One trial school. What it makes outside its folder carries ``tag``, so that whatever is left can be found."""

    code: str
    clone: str
    link: str
    """The /30 between this host and the box: the first address is the host's, the second the box's."""
    mbps: float
    """Rate of the link in each direction, Mbit/s."""

    @property
    def tag(self) -> str:
        """Twelve characters that no other school and no other clone has; also the host's interface name."""
        return f"hs-{hashlib.sha256(f'{self.clone}/{self.code}'.encode()).hexdigest()[:9]}"

    @property
    def box_space(self) -> str:
        """Network namespace of the box."""
        return f"{self.tag}-box"

    @property
    def room_space(self) -> str:
        """Network namespace of a classroom: it reaches the box and nothing else."""
        return f"{self.tag}-room"

    @property
    def host(self) -> str:
        """Address at which the box finds this host, the platform's stand-in for the wide world."""
        return str(next(IPv4Network(self.link).hosts()))

    @property
    def box(self) -> str:
        """The box's address on the link."""
        return str(list(IPv4Network(self.link).hosts())[1])

    @property
    def box_lan(self) -> str:
        """The box's address in the school."""
        return f"{LAN}.1"

    @property
    def room_lan(self) -> str:
        """The classroom's address."""
        return f"{LAN}.2"

    @property
    def cgroup(self) -> str:
        """First part of its control group (`local.cluster.cgroups`); the code is the second."""
        return f"{self.clone}-schools"

    @property
    def folder(self) -> Path:
        """Everything it keeps."""
        return folder(self.code)

    @property
    def root(self) -> Path:
        """The box's disk."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """What the box's console and the forwarder say."""
        return self.folder / "console.log"

    @property
    def forwarded(self) -> Path:
        """Holds the platform's port while the forwarder serves it."""
        return self.folder / "forwarder.port"

    def process(self, name: str) -> Path:
        """Identity file of one of its processes on this host."""
        return self.folder / f"{name}.process.json"

    def write(self) -> None:
        """Remember it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "trial.json").write_text(json.dumps(asdict(self)))


def folder(code: str) -> Path:
    """Folder of the trial school ``code`` of this clone."""
    return all_folder() / code


def all_folder() -> Path:
    """Where the trial schools of this clone lie."""
    return paths.state_dir() / "trial-schools"


def read(code: str) -> Trial | None:
    """The trial school that was made for ``code``, or None."""
    try:
        return Trial(**json.loads((folder(code) / "trial.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def every() -> tuple[Trial, ...]:
    """Trial schools of this clone, by code."""
    codes = sorted(each.name for each in all_folder().iterdir()) if all_folder().is_dir() else ()
    return tuple(found for code in codes if (found := read(code)))
