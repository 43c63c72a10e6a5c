"""A week's lessons replayed through the levels of caches, with and without fetching ahead: who answered, and what the links carried. Pure.

Both replays play the same lessons in the same renditions: those that the night before can bring (``derive/prefetch.py``). So they differ
only in when the bytes cross the links.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby

from catalog import City
from derive.lesson_media import Media, Object
from derive.prefetch import BYTES_PER_KBPS, Night, Plan, Showing
from loadtests.cache_levels import SCHOOL, STORE, Levels, Piece, Sizes, Tally
from loadtests.lesson_week import Show, bell
from loadtests.model import TRACKS

MINUTE = 60


@dataclass(frozen=True)
class Link:
    """A link in the week. Rates are Mbit/s with protocols, bytes those of lessons."""

    name: str
    usable: float
    """What lessons may take of it in school hours, Mbit/s."""
    day_bytes: int
    night_bytes: int
    day_peak: float
    night_peak: float

    @property
    def over(self) -> bool:
        """Whether school hours asked more of it than lessons may take."""
        return self.day_peak > self.usable


@dataclass(frozen=True)
class Outcome:
    """What a replay came to."""

    ahead: bool
    tallies: Mapping[str, Tally]
    """Level -> what it was asked for in school hours and, behind the boxes, at night."""
    schools: tuple[Link, ...]
    districts: tuple[Link, ...]
    store_bytes: int
    least_bytes: int
    """What must be read of the store: each piece that anybody saw, once."""
    left_out: int
    """Lessons of schools that the nights did not carry."""

    @property
    def offload(self) -> float:
        """Share of what the rooms saw that the store did not have to give."""
        return 1 - self.store_bytes / self.tallies[SCHOOL].bytes

    @property
    def optimum(self) -> float:
        """The largest share that any caches could reach."""
        return 1 - self.least_bytes / self.tallies[SCHOOL].bytes


@dataclass(frozen=True)
class Replay:
    """A week of ``city``."""

    city: City
    shows: tuple[Show, ...]

    @cached_property
    def requests(self) -> int:
        """Requests that a room makes in a minute."""
        return MINUTE // self.city.packaging.segment_seconds * TRACKS

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Rendition -> bytes of a minute."""
        sound = self.city.packaging.audio_kbps
        return {rung.id: (rung.video_kbps + sound) * BYTES_PER_KBPS * MINUTE for rung in self.city.ladder}

    @cached_property
    def days(self) -> dict[date, tuple[Show, ...]]:
        """Day -> what is shown."""
        return {day: tuple(rows) for day, rows in groupby(self.shows, lambda show: show.day)}

    @cached_property
    def nights(self) -> dict[date, tuple[Plan, ...]]:
        """Day -> the plans of the night before."""
        return {day: self._plans(day, rows) for day, rows in self.days.items()}

    def run(self, *, ahead: bool, sizes: Sizes = Sizes()) -> Outcome:  # noqa: B008  # frozen
        """The week, with or without fetching ahead."""
        levels = Levels(self.city, sizes)
        day_totals, day_peaks = dict[str, int](), dict[str, int]()
        night_totals, night_peaks = dict[str, int](), dict[str, int]()
        for day, rows in self.days.items():
            if ahead:
                self._night(levels, self.nights[day])
                _take(levels, night_totals, night_peaks)
            self._day(levels, rows, self._renditions(day))
            _take(levels, day_totals, day_peaks)
        links = {
            name: Link(
                name, rate * self.city.link_budget.planned_share, day_totals.get(name, 0), night_totals.get(name, 0),
                levels.mbps(day_peaks, name), levels.mbps(night_peaks, name),
            )
            for name, rate in self._rates()
        }  # fmt: skip
        return Outcome(
            ahead, levels.tallies,
            tuple(links[school.code] for school in self.city.schools if school.uplink),
            tuple(links[district.id] for district in self.city.districts),
            day_totals.get(STORE, 0) + night_totals.get(STORE, 0), self._least(),
            sum(len(plan.left_out) for plans in self.nights.values() for plan in plans),
        )  # fmt: skip

    def _rates(self) -> Iterator[tuple[str, float]]:
        for school in self.city.schools:
            if school.uplink:
                yield school.code, school.uplink.contracted_mbps
        for district in self.city.districts:
            yield district.id, district.backbone_mbps

    def _plans(self, day: date, rows: Iterable[Show]) -> tuple[Plan, ...]:
        recorded = [show for show in rows if show.rendition is None]
        media = {show.lesson: self._media(show) for show in recorded}
        wanted = (Showing(show.school, show.lesson, bell(self.city, show), show.classes) for show in recorded)
        return Night(self.city, day, {}).plans(wanted, media)

    def _media(self, show: Show) -> Media:
        """A lesson as one object of each rendition: its minutes are counted apart."""
        found = {name: (Object(f"{show.lesson} {name}", size * show.minutes),) for name, size in self.sizes.items()}
        return Media(show.lesson, (), found)

    def _renditions(self, day: date) -> dict[str, str]:
        """School -> the rendition in which its recorded lessons are played; what the night does not carry comes in the smallest too."""
        return {plan.school: plan.rendition or self.city.ladder[0].id for plan in self.nights[day]}

    def _night(self, levels: Levels, plans: Iterable[Plan]) -> None:
        """All boxes side by side, each at its rate, minute by minute."""
        waiting = {plan.school: (plan, deque(self._pieces(plan))) for plan in plans if plan.items}
        credit = dict.fromkeys(waiting, 0)
        while waiting:
            for school, (plan, pieces) in list(waiting.items()):
                credit[school] += plan.kbps * BYTES_PER_KBPS * MINUTE
                while pieces and self.sizes[pieces[0][1]] <= credit[school]:
                    piece = pieces.popleft()
                    if levels.ahead(school, piece, self.sizes[piece[1]]):
                        credit[school] -= self.sizes[piece[1]]
                if not pieces:
                    del waiting[school]
            levels.close_minute()

    def _pieces(self, plan: Plan) -> Iterator[Piece]:
        for item in plan.items:
            rendition = plan.rendition or self.city.ladder[0].id
            for minute in range(item.bytes // self.sizes[rendition]):
                yield (item.lesson, rendition, minute)

    def _day(self, levels: Levels, rows: Iterable[Show], renditions: Mapping[str, str]) -> None:
        begins: dict[int, list[Show]] = {}
        for show in rows:
            begins.setdefault(show.starts, []).append(show)
        running: list[Show] = []
        for minute in range(24 * 60):
            running = [show for show in running if minute < show.starts + show.minutes] + begins.get(minute, [])
            for show in running:
                rendition = show.rendition or renditions[show.school]
                piece = (show.lesson, rendition, minute - show.starts)
                levels.ask(show.school, piece, self.sizes[rendition], show.classes)
            if running:
                levels.close_minute()

    def _least(self) -> int:
        seen = {
            (show.lesson, show.rendition or self._renditions(show.day)[show.school], show.minutes)
            for show in self.shows
        }
        longest: dict[tuple[str, str], int] = {}
        for lesson, rendition, minutes in seen:
            longest[lesson, rendition] = max(minutes, longest.get((lesson, rendition), 0))
        return sum(self.sizes[rendition] * minutes for (_, rendition), minutes in longest.items())


def _take(levels: Levels, totals: dict[str, int], peaks: dict[str, int]) -> None:
    """Add what crossed the links since the last time."""
    for link, size in levels.totals.items():
        totals[link] = totals.get(link, 0) + size
    for link, size in levels.peaks.items():
        peaks[link] = max(peaks.get(link, 0), size)
    levels.totals.clear()
    levels.peaks.clear()
