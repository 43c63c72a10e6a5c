"""What the link carries: once in a night, lessons straight from the platform for a few seconds, with nothing that holds them back.

The largest object of the plan, over and over, on a few connections at once. The first time on each is not counted: it brings the object to
the district's edge and the connection up to speed. The box's own cache is not asked, nothing is kept, and no plan is carried out meanwhile.
"""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .plan import Item, Plan
from .platform import AGENT, line_to

FILE = "link.json"
CONNECTIONS = 2
"""While one waits for its next answer to begin, the other has the link."""
AGAIN = 300.0
"""Seconds until it is tried again after a failure."""
BLOCK = 64 << 10
MIB = 1 << 20


class Link:
    """The box's link, and its last sample, which is kept in ``folder``; ``withdrawn`` as for what is fetched."""

    def __init__(
        self, addresses: Sequence[str], credentials: Path, folder: Path, withdrawn: Callable[[str, float], bool]
    ) -> None:
        self._addresses, self._credentials, self._withdrawn = addresses, credentials, withdrawn
        self._file, self._due = folder / FILE, -math.inf
        self.at, self.mbps = _kept(self._file)

    def look(self, plan: Plan | None) -> bool:
        """Take a sample if one is due in the night of ``plan``; whether one was taken. OSError when it was not good: again later."""
        if plan is None or plan.sample is None or not self._open(plan) or time.monotonic() < self._due:
            return False
        wanted = [each for each in plan.items if each.size and not self._withdrawn(each.lesson, plan.made)]
        if not wanted:
            return False
        self._due = time.monotonic() + AGAIN
        largest = max(wanted, key=lambda each: each.size)
        self.mbps = self._measured(largest, plan.sample.seconds, plan.sample.mib * MIB)
        self.at = time.time()
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"at": self.at, "mbps": self.mbps}))
        part.replace(self._file)
        return True

    def readings(self) -> dict[str, float]:
        """The last sample; nothing before the first."""
        if not self.at:
            return {}
        return {"city_school_link_mbps": self.mbps, "city_school_link_sample_timestamp_seconds": self.at}

    def _open(self, plan: Plan) -> bool:
        """Whether it is the box's turn, and this night has no sample yet. One from the future is a wrong clock's."""
        now = time.time()
        its_turn = plan.sample is not None and plan.sample.not_before <= now < plan.not_after
        return its_turn and not plan.not_before <= self.at <= now

    def _measured(self, item: Item, seconds: float, most: int) -> float:
        """Mbit/s, from the first platform that answers."""
        wrong = OSError("no platform is named")
        for address in self._addresses:
            lines = [line_to(address, self._credentials) for _ in range(CONNECTIONS)]
            try:
                return rate(lines, item, seconds, most)
            except (OSError, http.client.HTTPException) as error:
                wrong = OSError(f"{item.path}: {type(error).__name__}: {error}")
            finally:
                for line in lines:
                    line.close()
        raise wrong


def rate(lines: Sequence[http.client.HTTPConnection], item: Item, seconds: float, most: int) -> float:
    """Mbit/s of bodies over ``lines`` together, for ``seconds`` or ``most`` bytes. OSError or HTTPException when one is not good."""
    for line in lines:
        _drain(line, item.path, math.inf, item.size)
    begun = time.monotonic()
    with ThreadPoolExecutor(len(lines)) as pool:
        got = sum(pool.map(lambda line: _drain(line, item.path, begun + seconds, most // len(lines)), lines))
    return got * 8 / 1e6 / (time.monotonic() - begun)


def _drain(line: http.client.HTTPConnection, path: str, until: float, most: int) -> int:
    """Ask for ``path`` again and again; how many bytes came. The last answer may be left in the middle."""
    got = 0
    while got < most and time.monotonic() < until:
        line.request("GET", path, headers=AGENT)
        answer = line.getresponse()
        if answer.status != http.client.OK:
            raise OSError(f"{answer.status} {answer.reason}")
        if not (block := answer.read(BLOCK)):
            raise OSError("an empty answer")
        while block:
            got += len(block)
            block = answer.read(BLOCK) if got < most and time.monotonic() < until else b""
    return got


def _kept(file: Path) -> tuple[float, float]:
    """Moment and Mbit/s of the last sample; zeros when there is none, or a disk lost it."""
    try:
        found = json.loads(file.read_text())
        return float(found["at"]), float(found["mbps"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, 0.0
