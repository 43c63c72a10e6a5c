"""Remote write 1.0 by hand: what a box sends, and a reader of its own, so that the intake is not judged by its own code.

The reader follows gogo/protobuf, which Prometheus uses: the last of a repeated single field counts, unknown fields are skipped.
https://prometheus.io/docs/specs/prw/remote_write_spec/
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import cramjam

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
Labels = Sequence[tuple[str, str]]


def varint(number: int) -> bytes:
    """Base 128, least significant group first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def label(name: str | bytes, value: str | bytes) -> bytes:
    """A Label."""
    raw = [text if isinstance(text, bytes) else text.encode() for text in (name, value)]
    return field(1, raw[0]) + field(2, raw[1])


def sample(value: float, milliseconds: int) -> bytes:
    """A Sample."""
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(milliseconds)


def series(labels: Iterable[tuple[str | bytes, str | bytes]], *samples: tuple[float, int]) -> bytes:
    """A TimeSeries."""
    return b"".join(field(1, label(*each)) for each in labels) + b"".join(field(2, sample(*each)) for each in samples)


def message(*all_series: bytes) -> bytes:
    """A WriteRequest."""
    return b"".join(field(1, each) for each in all_series)


def packed(content: bytes) -> bytes:
    """Snappy's block format."""
    return bytes(cramjam.snappy.compress_raw(content))


def write(*rows: tuple[Labels, float, int]) -> bytes:
    """A whole body: labels, value and time in milliseconds of each series."""
    return packed(message(*(series(labels, (value, when)) for labels, value, when in rows)))


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at


def fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of every field of bytes; others are skipped."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        if key & 7 == 2:
            size, at = _varint(content, at)
            assert at + size <= len(content)
            yield key >> 3, content[at : at + size]
            at += size
        elif key & 7 == 0:
            at = _varint(content, at)[1]
        else:
            at += {1: 8, 5: 4}[key & 7]


def read(body: bytes) -> list[tuple[list[tuple[bytes, bytes]], int]]:
    """Labels and number of samples of every series of a body."""
    content = bytes(cramjam.snappy.decompress_raw(body))
    return [_series(each) for number, each in fields(content) if number == 1]


def _series(content: bytes) -> tuple[list[tuple[bytes, bytes]], int]:
    labels = [dict(fields(each)) for number, each in fields(content) if number == 1]
    count = sum(number == 2 for number, _ in fields(content))
    return [(each.get(1, b""), each.get(2, b"")) for each in labels], count
