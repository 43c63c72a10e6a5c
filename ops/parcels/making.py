"""Make a parcel: packages, their index signed, and a manifest of exact versions, in one folder named by what is in it.

A parcel never changes. Its id is the hash of its manifest and of the key that signed it, so that a box, a cache and a technician mean the
same by it; a newer one is another parcel, and going back is naming the older one. Packages are shared between parcels in ``pool/``.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from local import paths
from local.images import definition
from ops.parcels import signing

POOL, MANIFEST = "pool", "manifest.json"
CURRENT = "current.json"
"""Which parcel new boxes install, in the bucket and in the folder."""
FORMAT = 1
"""Of a parcel's own files: another form of the same packages is another parcel."""
FIELDS = re.compile(r"^(Package|Version|Architecture|Filename|SHA256|Size): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Parcel:
    """One parcel, as its manifest says."""

    id: str
    made: str
    """When, ISO 8601."""
    packages: tuple[dict[str, Any], ...]
    """Name, version, architecture, file (from the parcels' root), sha256 and size (bytes) of each."""

    @property
    def versions(self) -> dict[str, str]:
        """Package -> version."""
        return {row["name"]: row["version"] for row in self.packages}

    @property
    def size(self) -> int:
        """Bytes of all packages."""
        return sum(int(row["size"]) for row in self.packages)

    def text(self) -> str:
        """The manifest."""
        return json.dumps({"id": self.id, "made": self.made, "packages": self.packages}, indent=1) + "\n"


def parse(text: str) -> Parcel:
    """The parcel of a manifest."""
    found = json.loads(text)
    return Parcel(found["id"], found["made"], tuple(found["packages"]))


def folder() -> Path:
    """Parcels that were made here, laid out as they are served."""
    return paths.state_dir() / "parcels"


def make(debs: Path) -> Parcel:
    """Make the parcel of the packages in ``debs``, unless it is there; the folder then calls it the current one."""
    root = folder()
    (root / POOL).mkdir(parents=True, exist_ok=True)
    names = [_shared(deb, root / POOL) for deb in sorted(debs.glob("*.deb"))]
    index = _index(root, names)
    rows = tuple(_row(stanza) for stanza in index.strip().split("\n\n"))
    key = signing.public_key()
    content = json.dumps([FORMAT, rows, hashlib.sha256(key.encode()).hexdigest()], sort_keys=True)
    parcel = Parcel(
        hashlib.sha256(content.encode()).hexdigest()[:16], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), rows
    )
    if not (root / parcel.id / MANIFEST).exists():
        _write(root, parcel, index)
    kept = parse((root / parcel.id / MANIFEST).read_text())
    (root / CURRENT).write_text(json.dumps({"id": kept.id, "key": key}) + "\n")
    return kept


def _shared(deb: Path, pool: Path) -> str:
    """The package under a name that every server, cache and signature spells alike: no ``+``, ``~`` or ``:`` of a version."""
    with deb.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = pool / f"{deb.name.split('_')[0].replace('+', '-')}_{digest[:16]}.deb"
    if not target.exists():
        try:
            os.link(deb, target)
        except OSError:
            shutil.copyfile(deb, target)
    return target.name


def _index(root: Path, names: list[str]) -> str:
    """`Packages` of exactly these files of the pool."""
    done = _archive(root, "packages", POOL)
    wanted = {f"{POOL}/{name}" for name in names}
    stanzas = [each for each in done.strip().split("\n\n") if dict(FIELDS.findall(each)).get("Filename") in wanted]
    if len(stanzas) != len(wanted):
        raise UserError(
            f"{len(wanted)} packages were to be indexed, {len(stanzas)} were: is {root / POOL} damaged? Remove it and try again"
        )
    return "\n\n".join(stanzas) + "\n\n"


def _archive(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(("apt-ftparchive", *words), cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError(
            "apt-ftparchive is not installed: run `make setup` as root, or `apt-get install apt-utils`"
        ) from None
    if done.returncode:
        raise UserError(f"apt-ftparchive {words[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _row(stanza: str) -> dict[str, Any]:
    found = dict(FIELDS.findall(stanza))
    row = {
        "name": "Package",
        "version": "Version",
        "architecture": "Architecture",
        "file": "Filename",
        "sha256": "SHA256",
    }
    return {**{ours: found[theirs] for ours, theirs in row.items()}, "size": int(found["Size"])}


def _write(root: Path, parcel: Parcel, index: str) -> None:
    """The parcel's own files, whole or not at all."""
    part = root / f".{parcel.id}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    # Boxes fetch the small one; the other must be named in the release too, or apt takes neither.
    (part / "Packages").write_text(index)
    (part / "Packages.xz").write_bytes(lzma.compress(index.encode()))
    fields = {"Origin": "huiju", "Label": "huiju", "Suite": parcel.id, "Codename": definition.load().suite}
    options = (word for key, value in fields.items() for word in ("-o", f"APT::FTPArchive::Release::{key}={value}"))
    # Old hashes are only for old clients.
    weak = (word for kind in ("MD5", "SHA1", "SHA512") for word in ("-o", f"APT::FTPArchive::{kind}=false"))
    release = _archive(part, *options, *weak, "release", ".")
    (part / "InRelease").write_text(signing.sign(release))
    (part / MANIFEST).write_text(parcel.text())
    part.rename(root / parcel.id)
