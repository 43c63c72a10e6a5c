"""The modules that a Go program was built from, read from the build information every Go program carries.

The layout is that of Go's own `debug/buildinfo` since 1.18: a magic string on a 16-byte boundary, flags, then length-prefixed strings.
Read here because the machine that packs a downloaded program need not have Go.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"\xff Go buildinf:"
HEADER = 32
"""Bytes from the magic to the first string when the strings are inline."""
INLINE = 2
"""The flag that says so."""
SENTINEL = 16
"""Bytes of marker before and after the module list."""


def modules(program: Path) -> list[tuple[str, str]]:
    """(module, version) of the main module and all dependencies; nothing for a program that is not Go's."""
    text = _module_text(program)
    found = list(_lines(text))
    return [(path, version) for path, version in found if version not in {"", "(devel)"}]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Rows `mod`, `dep` and, replacing the row before it, `=>`."""
    last: tuple[str, str] | None = None
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind not in {"mod", "dep", "=>"} or len(fields) < 2:  # noqa: PLR2004 - path and version
            continue
        if kind != "=>" and last:
            yield last
        last = (fields[0], fields[1])
    if last:
        yield last


def _module_text(program: Path) -> str:
    with program.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(MAGIC)
        while at >= 0 and at % 16:
            at = data.find(MAGIC, at + 1)
        if at < 0 or not data[at + len(MAGIC) + 1] & INLINE:
            return ""
        try:
            _, after = _string(data, at + HEADER)
            text, _ = _string(data, after)
        except IndexError:  # only looked like it
            return ""
        return text[SENTINEL:-SENTINEL].decode("utf-8", "replace")


def _string(data: mmap.mmap, at: int) -> tuple[bytes, int]:
    """The string at ``at`` (unsigned varint length, then bytes) and where it ends."""
    length = shift = 0
    while True:
        byte = data[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return data[at : at + length], at + length
