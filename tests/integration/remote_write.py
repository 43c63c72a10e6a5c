"""Readings as a box pushes them: Prometheus remote write 1.0, spelt out here so that nothing of the kit's own is trusted."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import cramjam
import httpx

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _sample(value: float, moment: float) -> bytes:
    return b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(int(moment * 1000))


def body(series: Sequence[tuple[Mapping[str, str], float, float]]) -> bytes:
    """Labels, value and Unix seconds of each sample, as the protocol has them (prompb.WriteRequest)."""
    request = b""
    for labels, value, moment in series:
        pairs = b"".join(
            _field(1, _field(1, name.encode()) + _field(2, text.encode())) for name, text in sorted(labels.items())
        )
        request += _field(1, pairs + _field(2, _sample(value, moment)))
    return bytes(cramjam.snappy.compress_raw(request))


def push(url: str, series: Sequence[tuple[Mapping[str, str], float, float]]) -> httpx.Response:
    """Push to ``url``."""
    return httpx.post(url, content=body(series), headers=HEADERS, timeout=20)
