"""Fragmented MP4 at the level of boxes: cut a file into segments, and set their clock.

ffmpeg's own HLS muxer starts each run's clock at zero and hides the B-frames' delay in an edit list that players of HLS ignore
(80 ms between sound and picture). Lessons are encoded in chunks, so both are set right here: ISO/IEC 14496-12, boxes ``tfdt``,
``trun``, ``mfhd``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct(">I4s")
SAMPLE_FLAGS = (0x100, 0x200, 0x400, 0x800)
"""``trun`` flags of the per-sample fields: duration, size, flags, composition offset; four bytes each."""


@dataclass(frozen=True)
class Fragment:
    """One ``moof`` with its ``mdat``: bytes, samples and ticks (of the track's timescale)."""

    data: bytes
    samples: int
    ticks: int


def boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, first byte of the content and end of each box in ``data[start:end]``."""
    while start + HEADER.size <= end:
        size, kind = HEADER.unpack_from(data, start)
        if size < HEADER.size or start + size > end:
            raise ValueError(f"a damaged {kind!r} box")
        yield kind, start + HEADER.size, start + size
        start += size


def _find(data: bytes | bytearray, start: int, end: int, *path: bytes) -> tuple[int, int]:
    for name in path:
        start, end = next((a, b) for kind, a, b in boxes(data, start, end) if kind == name)
    return start, end


def _rebase(trun: memoryview, shift: int | None, default_ticks: int) -> tuple[int, int, int]:
    """Subtract the first composition offset from all of a ``trun``; samples, ticks and that offset."""
    flags, count = struct.unpack_from(">II", trun, 0)
    flags &= 0xFFFFFF
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    fields = [flag for flag in SAMPLE_FLAGS if flags & flag]
    ticks = 0
    for _ in range(count):
        for flag in fields:
            if flag == 0x100:  # noqa: PLR2004
                ticks += struct.unpack_from(">I", trun, at)[0]
            if flag == 0x800:  # noqa: PLR2004
                offset = struct.unpack_from(">i", trun, at)[0]
                shift = offset if shift is None else shift
                struct.pack_into(">i", trun, at, offset - shift)
            at += 4
    trun[0] = 1  # version 1: composition offsets are signed
    return count, ticks if flags & 0x100 else count * default_ticks, shift or 0


def _default_ticks(data: bytearray, start: int, end: int) -> int:
    flags = struct.unpack_from(">I", data, start)[0] & 0xFFFFFF
    at = start + 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2)
    return int(struct.unpack_from(">I", data, at)[0]) if flags & 0x8 and at < end else 0


def _set_clock(
    data: bytearray, moof: tuple[int, int], first_tick: int, number: int, shift: int | None
) -> tuple[int, int, int]:
    struct.pack_into(">I", data, _find(data, *moof, b"mfhd")[0] + 4, number)
    traf = _find(data, *moof, b"traf")
    tfdt, _ = _find(data, *traf, b"tfdt")
    wide = data[tfdt] == 1
    place = ">Q" if wide else ">I"
    struct.pack_into(place, data, tfdt + 4, struct.unpack_from(place, data, tfdt + 4)[0] + first_tick)
    default = _default_ticks(data, *_find(data, *traf, b"tfhd"))
    trun = _find(data, *traf, b"trun")
    return _rebase(memoryview(data)[trun[0] : trun[1]], shift, default)


def split(path: Path, first_tick: int, first_number: int) -> tuple[bytes, list[Fragment]]:
    """The header (``ftyp`` + ``moov``) and the fragments of ``path``, their clock moved on by ``first_tick`` ticks."""
    data = bytearray(path.read_bytes())
    header, begin = b"", 0
    fragments: list[Fragment] = []
    moof: tuple[int, int] | None = None
    shift: int | None = None
    for kind, start, end in boxes(data, 0, len(data)):
        if kind in (b"ftyp", b"moov"):
            header += bytes(data[start - HEADER.size : end])
        elif kind == b"moof":
            moof, begin = (start, end), start - HEADER.size
        elif kind == b"mdat" and moof:
            samples, ticks, shift = _set_clock(data, moof, first_tick, first_number + len(fragments), shift)
            fragments.append(Fragment(bytes(data[begin:end]), samples, ticks))
            moof = None
    return header, fragments


def single(data: bytes, number: int) -> Fragment:
    """One ``moof`` with its ``mdat`` as the encoder gave it, as the fragment of this number; its clock stays."""
    whole = bytearray(data)
    _, start, end = next(boxes(whole, 0, len(whole)))
    samples, ticks, _ = _set_clock(whole, (start, end), 0, number, None)
    return Fragment(bytes(whole), samples, ticks)


def avc_codec(header: bytes) -> str:
    """The RFC 6381 name of the H.264 track in an initialisation segment, such as ``avc1.640020``."""
    at = header.index(b"avcC") + 4
    return "avc1." + header[at + 1 : at + 4].hex()
