"""Archives of a Maven repository, fetched by Maven itself, held against the pinned checksum, unpacked once and kept."""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from catalog.errors import UserError
from local import paths, settings
from local.images.definition import Artifact
from local.images.environment import proxies, variables
from local.toolchain import store
from local.toolchain.report import Say

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
"""What Maven copies by."""


def unpacked(artifact: Artifact, say: Say) -> Path:
    """Folder with what is in the archive. Raises `UserError` when it cannot be had or is another than the pinned one."""
    _, name, version, _ = artifact.coordinates.split(":")
    folder = paths.cache_dir() / "images" / "artifacts" / f"{name}-{version}-{artifact.sha256[:16]}"
    return store.ensure(folder, lambda into: _fill(artifact, into, say), say) / "content"


def _fill(artifact: Artifact, into: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="huiju-maven-") as scratch:
        say(f"{artifact.coordinates}: fetching")
        archive = _fetch(artifact, Path(scratch))
        found = store.sha256(archive)
        if found != artifact.sha256:
            raise UserError(
                f"{artifact.coordinates}: its SHA-256 is {found}, and local/images.yaml pins {artifact.sha256}.\n"
                "Either the mirror serves something else, or the version was changed without its checksum."
            )
        _unpack(archive, into / "content")


def _fetch(artifact: Artifact, scratch: Path) -> Path:
    """The archive, in a folder of its own."""
    out, chosen = scratch / "out", scratch / "settings.xml"
    chosen.write_text(_settings(), encoding="utf-8")
    given = {
        "artifact": artifact.coordinates,
        "outputDirectory": str(out),
        "maven.repo.local": str(scratch / "repository"),
    }
    line = ["mvn", "--batch-mode", "--quiet", "--settings", str(chosen), f"{PLUGIN}:copy"]
    line += [f"-D{key}={value}" for key, value in given.items()]
    try:
        done = subprocess.run(
            line, cwd=scratch, env={**os.environ, **variables()}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise UserError("Maven is needed to fetch Keycloak. Type as root: apt-get install maven") from error
    files = sorted(out.glob("*.zip"))
    if done.returncode or len(files) != 1:
        raise UserError(
            f"{artifact.coordinates} could not be fetched:\n{(done.stdout + done.stderr)[-1500:]}\n"
            "Behind a firewall, name your mirror: `mirrors.maven` (docs/engineer/toolchain.md)"
        )
    return files[0]


def _settings() -> str:
    """What Maven reads: the mirror and the proxies of this machine, and nothing else. It knows the public repository by itself."""
    mirror = settings.load().mirrors.maven
    mirrors = f"<mirror><id>city</id><mirrorOf>*</mirrorOf><url>{escape(mirror)}</url></mirror>" if mirror else ""
    return f"<settings><mirrors>{mirrors}</mirrors><proxies>{''.join(_proxies())}</proxies></settings>\n"


def _proxies() -> Iterator[str]:
    """Maven does not look at the variables that every other program reads."""
    found = proxies()
    direct = "|".join(found.get("no_proxy", "").split(","))
    for protocol in ("http", "https"):
        address = urlsplit(found.get(f"{protocol}_proxy", ""))
        if address.hostname:
            where = f"<host>{escape(address.hostname)}</host><port>{address.port or 80}</port>"
            yield (
                f"<proxy><id>{protocol}</id><protocol>{protocol}</protocol>{where}"
                f"<nonProxyHosts>{escape(direct)}</nonProxyHosts></proxy>"
            )


def _unpack(archive: Path, into: Path) -> None:
    """Without the archive's own top folder, with the modes that it carries."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            _, _, inner = member.filename.partition("/")
            if not inner or member.is_dir():
                continue
            target = (into / inner).resolve()
            if not target.is_relative_to(into.resolve()):
                raise UserError(f"{archive.name} holds {member.filename}, which leads out of it")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(opened.read(member))
            target.chmod(0o755 if (member.external_attr >> 16) & 0o100 else 0o644)
