"""A body of access log lines of a box: unpacked within limits, and of each line what is kept, told to be the certificate's school's.

The kept ones are printed like everything that pods print: the collector then does with them what it does with the gateway's and the
shield's (docs/decisions/0250).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from derive import box_log
from services.intake.refusal import Reason, Refused
from services.intake.settings import Limits

TYPE, ENCODING = "application/x-ndjson", "gzip"
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Kept:
    """A body as it is printed."""

    lines: tuple[str, ...]
    left_out: int
    """Lines that no box of ours writes, one that a power cut tore for instance; the others are not held up by them."""

    @property
    def text(self) -> str:
        """All lines, each with its end."""
        return "".join(f"{line}\n" for line in self.lines)


def require_format(headers: Mapping[str, str]) -> None:
    """Raises `Refused` for anything but packed lines of JSON."""
    if (headers.get("content-type"), headers.get("content-encoding")) != (TYPE, ENCODING):
        raise Refused(Reason.FORMAT, f"lines are taken as Content-Type {TYPE}, Content-Encoding {ENCODING}")


def checked(body: bytes, school: str, limits: Limits) -> Kept:
    """What of ``body`` (gzip, lines of JSON) is kept, of ``school`` (code). Raises `Refused`."""
    content = _unpacked(body, limits.log_bytes)
    if content.count(b"\n") > limits.log_lines:
        raise Refused(Reason.TOO_LARGE, f"more than {limits.log_lines} lines")
    every = [box_log.kept(line, school) for line in _lines(content)]
    lines = tuple(line for line in every if line is not None)
    return Kept(lines, len(every) - len(lines))


def _lines(content: bytes) -> list[bytes]:
    """Lines by the end that was counted. `splitlines` ends one at each carriage return too: a kilobyte sent as a million lines."""
    *lines, rest = content.split(b"\n")
    return [*lines, rest] if rest else lines


def print_out(text: str) -> None:
    """Print kept lines, whole and in one go: the log's own lines come from the same thread."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _unpacked(body: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        # One more than is taken: what is as large as it may be is told from what is larger.
        content = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise Refused(Reason.BROKEN, "the body is not gzip") from error
    if len(content) > most:
        raise Refused(Reason.TOO_LARGE, f"more than {most} bytes unpacked")
    if not unpacking.eof:
        raise Refused(Reason.BROKEN, "the body ends in the middle")
    return content
