"""What is inside an image, as a CycloneDX 1.5 document: Debian, Go, Python and npm packages with their versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.images import archive, gobinary

STATUS = "var/lib/dpkg/status"


@dataclass(frozen=True, order=True)
class Component:
    """One thing with a version. ``kind`` is the package URL's type: deb, golang, pypi, npm."""

    kind: str
    name: str
    version: str

    def as_json(self) -> dict[str, str]:
        """The CycloneDX form."""
        path = f"debian/{self.name}" if self.kind == "deb" else quote(self.name, safe="/")
        url = f"pkg:{self.kind}/{path}@{quote(self.version, safe='')}"
        return {"type": "library", "name": self.name, "version": self.version, "purl": url, "bom-ref": url}


def document(name: str, reference: str, components: Iterable[Component]) -> dict[str, Any]:
    """The whole document; equal images give equal documents, so there is no time and no serial number in it."""
    image = {"type": "container", "name": name, "version": reference.rsplit("@", 1)[-1], "bom-ref": reference}
    rows = [component.as_json() for component in sorted(set(components))]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": image},
        "components": rows,
    }


def of_layers(layers: Iterable[Path], below: Iterable[Component] = ()) -> list[Component]:
    """Debian packages and Python distributions of ``layers``, lowest first, on top of what is ``below`` them.

    A later list of Debian's packages replaces an earlier one: it names them all.
    """
    debian = [component for component in below if component.kind == "deb"]
    python = [component for component in below if component.kind != "deb"]
    for layer in layers:
        for path, tar, member in archive.files(layer):
            if path == STATUS or path.endswith((".dist-info/METADATA", ".egg-info/PKG-INFO")):
                stream = tar.extractfile(member)
                text = stream.read().decode("utf-8", "replace") if stream else ""
                if path == STATUS:
                    debian = list(debian_packages(text))
                else:
                    python.append(python_distribution(text))
    return debian + python


def debian_packages(status: str) -> Iterator[Component]:
    """Installed packages of a dpkg status file."""
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line.startswith(" ")
        )
        if fields.get("Status", "").endswith(" installed"):
            yield Component("deb", fields["Package"], fields["Version"])


def python_distribution(metadata: str) -> Component:
    """Name and version of a METADATA or PKG-INFO file."""
    fields = HeaderParser().parsestr(metadata)
    return Component("pypi", str(fields["Name"]).lower(), str(fields["Version"]))


def of_context(context: Path) -> Iterator[Component]:
    """Go modules of the programs under ``bin/`` of a build context."""
    for program in sorted(context.glob("bin/*")):
        for module, version in gobinary.modules(program):
            yield Component("golang", module, version)


def of_npm(lock: Path) -> Iterator[Component]:
    """Packages of a package-lock.json that end up in pages: those not only for development."""
    packages = json.loads(lock.read_text(encoding="utf-8")).get("packages", {})
    for path, row in packages.items():
        if path and not row.get("dev") and "version" in row:
            yield Component("npm", path.rsplit("node_modules/", 1)[-1], row["version"])


def read(file: Path) -> list[Component]:
    """Components of a document written before."""
    rows = json.loads(file.read_text(encoding="utf-8"))["components"]
    return [Component(row["purl"].removeprefix("pkg:").split("/", 1)[0], row["name"], row["version"]) for row in rows]
