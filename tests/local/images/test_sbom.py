"""What is read out of package lists, Go programs and lock files, and the document made of it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from local.images import gobinary, sbom
from local.images.sbom import Component

STATUS = """Package: libc6
Status: install ok installed
Version: 2.36-9+deb12u10
Description: GNU C Library
 Status: not a field

Package: gone
Status: deinstall ok config-files
Version: 1.0
"""


def _go_program(folder: Path, text: str, flags: int = 2, offset: int = 64) -> Path:
    """A file with build information where and how Go's linker puts it."""
    strings = b""
    for piece in (b"go1.26.8", b"0" * 16 + text.encode() + b"1" * 16):
        length, prefix = len(piece), b""
        while length >= 0x80:
            prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
        strings += prefix + bytes([length]) + piece
    header = (b"\xff Go buildinf:" + bytes([8, flags])).ljust(32, b"\0")
    program = folder / "program"
    program.write_bytes(b"\x7fELF".ljust(offset, b"\0") + header + strings + b"\0" * 64)
    return program


def _layer(folder: Path, name: str, files: dict[str, str]) -> Path:
    layer = folder / name
    with tarfile.open(layer, "w:gz") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return layer


def test_only_installed_debian_packages_count() -> None:
    assert list(sbom.debian_packages(STATUS)) == [Component("deb", "libc6", "2.36-9+deb12u10")]


def test_modules_of_a_go_program_are_read_with_replacements(tmp_path: Path) -> None:
    text = "path\tx\nmod\texample.org/main\tv1.2.3\th1:a\ndep\ta.org/b\tv0.1.0\th1:b\n=>\tc.org/fork\tv0.2.0\th1:c\ndep\td.org/e\tv3.0.0\n"
    assert gobinary.modules(_go_program(tmp_path, text)) == [
        ("example.org/main", "v1.2.3"),
        ("c.org/fork", "v0.2.0"),
        ("d.org/e", "v3.0.0"),
    ]


def test_a_module_built_from_a_folder_has_no_version_to_tell(tmp_path: Path) -> None:
    assert gobinary.modules(_go_program(tmp_path, "mod\thuiju.local/pause\t(devel)\t\n")) == []


def test_what_is_not_a_go_program_has_no_modules(tmp_path: Path) -> None:
    (tmp_path / "script").write_bytes(b"#!/bin/sh\necho '\xff Go buildinf:'\n")
    assert gobinary.modules(tmp_path / "script") == []
    assert gobinary.modules(_go_program(tmp_path, "mod\ta\tv1\n", flags=0)) == []
    assert gobinary.modules(_go_program(tmp_path, "mod\ta\tv1\n", offset=60)) == []


def test_a_later_package_list_replaces_an_earlier_one(tmp_path: Path) -> None:
    low = _layer(
        tmp_path, "low", {"./var/lib/dpkg/status": STATUS, "usr/lib/x-1.dist-info/METADATA": "Name: X\nVersion: 1\n"}
    )
    high = _layer(tmp_path, "high", {"var/lib/dpkg/status": STATUS.replace("u10", "u11")})
    found = sbom.of_layers([low, high])
    assert sorted(found) == [Component("deb", "libc6", "2.36-9+deb12u11"), Component("pypi", "x", "1")]
    assert sorted(sbom.of_layers([high], sbom.of_layers([low]))) == sorted(found)


def test_packages_that_only_build_the_pages_are_left_out(tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    rows = {
        "": {"name": "portal", "version": "0"},
        "node_modules/hls.js": {"version": "1.7.4"},
        "node_modules/a/node_modules/@b/c": {"version": "2.0.0"},
        "node_modules/vite": {"version": "7.0.0", "dev": True},
    }
    lock.write_text(json.dumps({"packages": rows}))
    assert list(sbom.of_npm(lock)) == [Component("npm", "hls.js", "1.7.4"), Component("npm", "@b/c", "2.0.0")]


def test_the_document_is_sorted_free_of_doubles_and_the_same_every_time(tmp_path: Path) -> None:
    parts = [Component("pypi", "b", "1"), Component("deb", "a", "1:2~3"), Component("pypi", "b", "1")]
    first, second = (sbom.document("x", "r/x@sha256:00", rows) for rows in (parts, reversed(parts)))
    assert first == second
    assert [row["purl"] for row in first["components"]] == ["pkg:deb/debian/a@1%3A2~3", "pkg:pypi/b@1"]
    (tmp_path / "s.json").write_text(json.dumps(first))
    assert sbom.read(tmp_path / "s.json") == [Component("deb", "a", "1:2~3"), Component("pypi", "b", "1")]
