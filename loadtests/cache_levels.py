"""Three levels of caches as a log is replayed through them: what each answers, and what crosses each link. Pure.

What goes through is a minute of one rendition of a lesson, picture and sound: all of its segments share their fate. A cache holds the
minutes that were asked for last, up to its size. Rooms that ask in one minute for the same are one read behind them, as with collapsed
forwarding.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog import City
from derive import cache_tree, figures
from derive.cache_tree import CacheLevel

GIB = 1 << 30
SCHOOL, EDGE, SHIELD = CacheLevel.SCHOOL, CacheLevel.EDGE, CacheLevel.SHIELD
STORE = "store"
Piece = tuple[str, str, int]
"""Lesson, rendition and minute."""


class Cache:
    """One cache of so many bytes; what was asked for longest ago goes first."""

    def __init__(self, size: float) -> None:
        self.size, self.used = size, 0
        self.pieces: OrderedDict[Piece, int] = OrderedDict()

    def has(self, piece: Piece, size: int) -> bool:
        """Whether it holds ``piece``; it does from now on."""
        if piece in self.pieces:
            self.pieces.move_to_end(piece)
            return True
        self.pieces[piece] = size
        self.used += size
        while self.used > self.size:
            self.used -= self.pieces.popitem(last=False)[1]
        return False


@dataclass
class Tally:
    """What a level was asked for, and what it had."""

    requests: int = 0
    hits: int = 0
    bytes: int = 0
    hit_bytes: int = 0

    def count(self, requests: int, size: int, hits: int) -> None:
        """``requests`` for ``size`` bytes each, of which ``hits`` were answered from the cache."""
        self.requests += requests
        self.hits += hits
        self.bytes += requests * size
        self.hit_bytes += hits * size

    @property
    def ratio(self) -> float:
        """Hits among the requests; 0 where there were none."""
        return self.hits / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Sizes:
    """How large the caches are, GiB each."""

    box: float = figures.BOX_CACHE.value
    edge: float = figures.EDGE_CACHE.value
    shield: float = figures.SHIELD_CACHE.value


@dataclass
class Levels:
    """The caches of a city, and what has crossed its links. Links: a school's code, a district's id, or ``STORE``."""

    city: City
    sizes: Sizes = Sizes()
    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in (SCHOOL, EDGE, SHIELD)})
    totals: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Link -> bytes of lessons."""
    peaks: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Link -> most bytes in one minute."""

    def __post_init__(self) -> None:
        """Empty caches."""
        boxless = self.city.link_budget.boxless
        self.boxes = {code: Cache(0 if code in boxless else self.sizes.box * GIB) for code in self.city.by_code}
        self.edges = {each.id: Cache(self.sizes.edge * GIB) for each in self.city.districts}
        self.shield = Cache(self.sizes.shield * GIB)
        self.near = frozenset(cache_tree.edges_in_zone(self.city))
        self.district = {school.code: school.district for school in self.city.schools}
        self.minute: defaultdict[str, int] = defaultdict(int)

    def ask(self, school: str, piece: Piece, size: int, rooms: int = 1) -> None:
        """``rooms`` of a school want ``piece``."""
        box = self.boxes[school]
        held = box.has(piece, size)
        # Without a box each room reads for itself.
        reads = 0 if held else rooms if box.size == 0 else 1
        self.tallies[SCHOOL].count(rooms, size, rooms - reads)
        for _ in range(reads):
            self.fetch(school, piece, size)

    def ahead(self, school: str, piece: Piece, size: int) -> bool:
        """A box fetches ``piece`` before anybody asks; whether it had to."""
        if self.boxes[school].has(piece, size):
            return False
        self.fetch(school, piece, size)
        return True

    def fetch(self, school: str, piece: Piece, size: int) -> None:
        """``piece`` crosses the link of ``school``, and what lies behind it as far as nobody has it."""
        district = self.district[school]
        self.minute[school] += size
        held = self._asked(EDGE, self.edges[district], piece, size)
        # An edge without a zone is in the city: what its schools get from it crosses the district's link too.
        if not held or district not in self.near:
            self.minute[district] += size
        if not held and not self._asked(SHIELD, self.shield, piece, size):
            self.minute[STORE] += size

    def _asked(self, level: str, cache: Cache, piece: Piece, size: int) -> bool:
        held = cache.has(piece, size)
        self.tallies[level].count(1, size, int(held))
        return held

    def close_minute(self) -> None:
        """A minute is over: note what crossed the links in it."""
        for link, size in self.minute.items():
            self.totals[link] += size
            self.peaks[link] = max(self.peaks[link], size)
        self.minute.clear()

    def mbps(self, peaks: Mapping[str, int], link: str) -> float:
        """The rate on a link of so many bytes of lessons in a minute, protocols included."""
        return self.city.link_budget.link_mbps(peaks.get(link, 0) * 8 / 1000 / 60)
