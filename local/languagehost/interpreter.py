"""Which Python runs a program, and what is installed for it."""

from __future__ import annotations

import json
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from local.languagehost.stubs import language_pb2


@dataclass(frozen=True)
class Interpreter:
    """A Python program and the folder of its packages."""

    program: Path
    packages: Path


def virtualenv(info: language_pb2.ProgramInfo) -> Path | None:
    """The ``virtualenv`` option of the project file as an absolute path: relative to the project's root, as the official host reads it."""
    option = dict(info.options).get("virtualenv")
    return Path(info.root_directory or info.program_directory, str(option)).resolve() if option else None


def interpreter(info: language_pb2.ProgramInfo) -> Interpreter:
    """The virtual environment's Python if the project names one that is there, else the one this host runs on."""
    folder = virtualenv(info)
    if folder and (folder / "bin" / "python").exists():
        packages = next(iter(sorted(folder.glob("lib/python3*/site-packages"))), folder)
        return Interpreter(folder / "bin" / "python", packages)
    return Interpreter(Path(sys.executable), Path(sysconfig.get_path("purelib")))


def plugins(packages: Path) -> list[dict[str, Any]]:
    """The ``pulumi-plugin.json`` of every installed SDK that has a resource plugin, with name and version filled in."""
    found = []
    for path in sorted(packages.glob("*/pulumi-plugin.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        if row.get("resource") and row.get("name") and row.get("version"):
            found.append(row)
    return found


def dependencies(packages: Path, transitive: bool) -> list[tuple[str, str]]:
    """Name and version of what is installed; without ``transitive`` only what nothing else installed asks for."""
    installed = {dist.name.lower(): dist for dist in metadata.distributions(path=[str(packages)]) if dist.name}
    wanted = {
        requirement.split(";")[0].split("[")[0].strip().rstrip("=<>!~ 0123456789.,*").lower()
        for dist in installed.values()
        for requirement in dist.requires or []
    }
    return sorted((dist.name, dist.version) for name, dist in installed.items() if transitive or name not in wanted)
