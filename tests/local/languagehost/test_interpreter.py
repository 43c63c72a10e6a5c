"""Which Python runs a program, and what is installed for it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from google.protobuf.struct_pb2 import Struct

from local.languagehost.interpreter import dependencies, interpreter, plugins
from local.languagehost.stubs import language_pb2 as pb


def with_option(info: pb.ProgramInfo, value: str) -> pb.ProgramInfo:
    options = Struct()
    options.update({"virtualenv": value})
    return pb.ProgramInfo(root_directory=info.root_directory, program_directory=info.program_directory, options=options)


def environment(folder: Path) -> Path:
    """A folder that looks like a virtual environment; its packages."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    return packages


def installed(packages: Path, name: str, *requires: str) -> None:
    """Pretend that a package is installed."""
    folder = packages / f"{name}-1.0.dist-info"
    folder.mkdir()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        "Version: 1.0",
        *(f"Requires-Dist: {other}" for other in requires),
    ]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


def test_the_virtual_environment_is_looked_for_from_the_projects_root(info: pb.ProgramInfo) -> None:
    packages = environment(Path(info.root_directory) / ".venv")
    environment(Path(info.program_directory) / ".venv")
    found = interpreter(with_option(info, ".venv"))
    assert found.program == Path(info.root_directory) / ".venv" / "bin" / "python"
    assert found.packages == packages


def test_without_the_option_or_the_folder_this_python_is_used(info: pb.ProgramInfo) -> None:
    assert interpreter(info).program == Path(sys.executable)
    assert interpreter(with_option(info, ".venv")).program == Path(sys.executable)


def test_only_installed_sdks_with_a_provider_are_required(tmp_path: Path) -> None:
    rows = {
        "pulumi_kubernetes": {"resource": True, "name": "kubernetes", "version": "4.25.0"},
        "pulumi_policy": {"resource": False, "name": "policy", "version": "1.0.0"},
        "pulumi_nameless": {"resource": True},
    }
    for name, row in rows.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pulumi-plugin.json").write_text(json.dumps(row))
    assert [row["name"] for row in plugins(tmp_path)] == ["kubernetes"]


def test_dependencies_of_dependencies_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    installed(tmp_path, "top", "Deep>=1; python_version > '3'")
    installed(tmp_path, "deep")
    assert dependencies(tmp_path, transitive=False) == [("top", "1.0")]
    assert dependencies(tmp_path, transitive=True) == [("deep", "1.0"), ("top", "1.0")]
