"""An official release as a cache entry: which file, which checksum, and which of its members become the bundle."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from local import settings
from local.settings import Downloads
from local.toolchain import download, golang, provenance
from local.toolchain.download import DownloadError
from local.toolchain.pins import Bundle, Release
from local.toolchain.report import Say

ALGORITHMS = {64: "sha256", 128: "sha512"}
"""Hex digits of a checksum -> its algorithm."""


def permitted(bundle: Bundle) -> bool:
    """Whether the settings allow this bundle's release, and there is a checksum to hold it to."""
    release = bundle.release
    if release is None or golang.architecture() not in release.architectures:
        return False
    allow = settings.load().releases.allow
    if allow is Downloads.PINNED:
        return golang.architecture() in release.digests
    return allow is Downloads.PUBLISHED and (golang.architecture() in release.digests or bool(release.published))


def key(bundle: Bundle) -> str:
    """Sixteen hex digits over what decides the content: address, checksum and members."""
    facts = [address(bundle), _of(bundle).digests.get(golang.architecture()), _of(bundle).members]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def address(bundle: Bundle, template: str = "") -> str:
    """The release's address for this architecture."""
    architecture = _of(bundle).architectures[golang.architecture()]
    return (template or _of(bundle).url).format(version=bundle.version, arch=architecture)


def fill(name: str, bundle: Bundle, downloads: Path, into: Path, say: Say) -> None:
    """Download, check and unpack the release into ``into``; :class:`DownloadError` when it cannot be had."""
    chosen, url = settings.load(), address(bundle)
    digest = _of(bundle).digests.get(golang.architecture()) or published(bundle)
    part = downloads / f"{hashlib.sha256(f'{url} {digest}'.encode()).hexdigest()[:16]}.part"
    say(f"{name} {bundle.version}: downloading {download.mirrored(url, chosen)}")
    download.fetch(url, digest, part, chosen, say)
    unpack(part, _of(bundle), into)
    provenance.write(into, how="download", source=url, digest=digest)
    part.unlink()


def published(bundle: Bundle) -> str:
    """The checksum that the release site itself publishes: it proves an undamaged transfer, not an honest site."""
    where = address(bundle, _of(bundle).published)
    text = download.read_small(where, settings.load())
    wanted = address(bundle).rsplit("/", 1)[1]
    for line in text.splitlines():
        words = line.split()
        if words and (len(words) == 1 or words[-1].lstrip("*") == wanted) and len(words[0]) in ALGORITHMS:
            return f"{ALGORITHMS[len(words[0])]}:{words[0].lower()}"
    raise DownloadError(f"{where} names no checksum of {wanted}")


def _of(bundle: Bundle) -> Release:
    if bundle.release is None:
        raise ValueError("the bundle has no official release; ask permitted() first")
    return bundle.release


def unpack(archive: Path, release: Release, into: Path) -> None:
    """Write the listed members, and only plain files, to their places."""
    wanted = dict(release.members)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                place = wanted.pop(member.name.removeprefix("./"), None)
                source = tar.extractfile(member) if place and member.isfile() else None
                if place and source:
                    target = into / place
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as sink:
                        while data := source.read(2**20):
                            sink.write(data)
                    target.chmod(0o755)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DownloadError(f"{archive} cannot be unpacked: {error}") from error
    if wanted:
        raise DownloadError(f"the release has no {', '.join(sorted(wanted))}")
