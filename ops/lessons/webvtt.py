"""WebVTT as far as captions of a lesson need it: its cues, and what is wrong with them. Pure. https://www.w3.org/TR/webvtt1/"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = re.compile(r"WEBVTT([ \t].*)?")
TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
TIMING = re.compile(rf"{TIME}[ \t]+-->[ \t]+{TIME}([ \t].*)?")
ASIDE = re.compile(r"(NOTE|STYLE|REGION)([ \t]|$)")
LATE_SECONDS = 1.0
"""How far a last cue may reach past the film: programs round, and films are cut to whole frames."""
MOST_NAMED = 3
"""How many bad cues an error names."""


@dataclass(frozen=True)
class Cue:
    """A cue: the line of the file on which its times stand, when it is shown and hidden, s."""

    line: int
    begin: float
    end: float


def _seconds(hours: str | None, minutes: str, seconds: str, thousandths: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths) / 1000


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []


def cues(text: str) -> list[Cue]:
    """The cues in the order of the file. Raises ValueError with the line at which it is no WebVTT."""
    head, *rest = [*_blocks(text)] or [[(1, "")]]
    if head[0][0] != 1 or not HEAD.fullmatch(head[0][1]):
        raise ValueError("line 1: it does not begin with WEBVTT")
    mapped = next((number for number, line in head if line.startswith("X-TIMESTAMP-MAP")), None)
    if mapped:
        raise ValueError(f"line {mapped}: X-TIMESTAMP-MAP moves every cue: export it without")
    return [_cue(block) for block in rest if not ASIDE.match(block[0][1])]


def _cue(block: list[tuple[int, str]]) -> Cue:
    # A line without an arrow before the times is the cue's name.
    number, line = block[1] if "-->" not in block[0][1] and len(block) > 1 else block[0]
    found = TIMING.fullmatch(line.strip())
    if not found:
        raise ValueError(f"line {number}: no times of a cue, such as 00:01.000 --> 00:04.000")
    return Cue(number, _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:8]))


def problems(text: str, seconds: float | None) -> Iterator[str]:
    """Everything that keeps ``text`` from being the captions of a film of ``seconds`` (None: its length is not known)."""
    try:
        found = cues(text)
    except ValueError as error:
        yield str(error)
        return
    if not found:
        yield "it holds no cue"
    yield from _named("ends before it begins", [cue for cue in found if cue.end <= cue.begin])
    later = [cue for before, cue in itertools.pairwise(found) if cue.begin < before.begin]
    yield from _named("begins before the one above it", later)
    if seconds is not None:
        past = [cue for cue in found if cue.end > seconds + LATE_SECONDS]
        yield from _named(f"lies past the end of the film, {seconds:.0f} s", past)


def _named(what: str, bad: list[Cue]) -> Iterator[str]:
    if bad:
        lines = ", ".join(str(cue.line) for cue in bad[:MOST_NAMED])
        more = f" and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        yield f"a cue {what}: line {lines}{more}"
