"""Whether the links carry what is promised: ladder times classes times what a box spares, against each link's rate. Pure.

In a school with a box each rendition of a live class crosses the link once, however many rooms watch; without one, once for each room.
Between the city and a district with a `zone` each rendition crosses once: its edge stands in the district, and with it the gateway by which
its boxes come to it (decision 0294). Without a zone both are in the city, and what crosses the link of a school crosses its district's too.
Rates are Mbit/s on the link: picture and sound times the overhead of the catalog. What a school is measured to get counts where it is less
than what is contracted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import cached_property
from typing import Final

from catalog import City
from catalog.media import Rendition
from catalog.promise import LiveClass, Taking
from derive import cache_tree, timetable

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Carrier(StrEnum):
    """What a link belongs to."""

    SCHOOL = "school"
    DISTRICT = "district"


@dataclass(frozen=True)
class Stream:
    """A live class as one school takes it in one lesson of the week, or a recorded lesson that no night brings."""

    lesson: str
    """Id of the live class, or of the recorded lesson."""
    school: str
    rendition: str
    classes: int
    weekday: int
    starts: time
    ends: time
    recorded: bool = False

    def on(self, weekday: int, moment: time) -> bool:
        """Whether it is on at ``moment``: up to, and without, its last bell."""
        return self.weekday == weekday and self.starts <= moment < self.ends


@dataclass(frozen=True)
class Verdict:
    """One link in the moment of the week that asks the most of it."""

    carrier: Carrier
    id: str
    """A school's code or a district's id."""
    contracted: float
    """Mbit/s; 0 where none is contracted."""
    measured: float | None
    """Mbit/s; None where nobody measured."""
    usable: float
    """What lessons may take of it, Mbit/s."""
    weekday: int | None
    """The moment, 1 is Monday; None where nothing is promised."""
    starts: time | None
    streams: int
    """Renditions or rooms that cross it at once."""
    needed: float
    """What they take, Mbit/s."""
    largest: str | None
    """The largest rendition in which all of them would fit; None where not even the smallest does."""
    recorded: tuple[str, ...] = ()
    """The recorded lessons among them."""

    @property
    def fits(self) -> bool:
        """Whether what is promised can be kept."""
        return self.needed <= self.usable


@dataclass(frozen=True)
class Budget:
    """A city's links. ``measured`` is school code -> Mbit/s; ``boxes`` is False to see what the boxes spare.

    ``recorded`` is what crosses the links beside the live classes; ``beside`` judges no other moments than those in which it does.
    """

    city: City
    measured: Mapping[str, float]
    boxes: bool = True
    recorded: tuple[Stream, ...] = ()
    beside: bool = False

    @cached_property
    def rungs(self) -> dict[str, Rendition]:
        """Rendition -> rung of the ladder, from the smallest to the largest."""
        return {rung.id: rung for rung in self.city.ladder}

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """Every stream of a week."""
        live = (stream for each in self.city.live_classes for stream in _streams(self.city, each))
        return (*live, *self.recorded)

    @cached_property
    def near(self) -> frozenset[str]:
        """Districts whose edge is on their side of the link between them and the city."""
        return frozenset(cache_tree.edges_in_zone(self.city))

    def mbps(self, rendition: str) -> float:
        """What one stream of ``rendition`` takes of a link, with its sound."""
        kbps = self.rungs[rendition].video_kbps + self.city.packaging.audio_kbps
        return self.city.link_budget.link_mbps(kbps)

    def boxed(self, code: str) -> bool:
        """Whether a school has a box that fetches once for all of its rooms."""
        return self.boxes and code not in self.city.link_budget.boxless

    def smaller(self, one: str, other: str) -> str:
        """The smaller of two renditions."""
        return min(one, other, key=lambda rendition: self.rungs[rendition].video_kbps)

    def schools(self) -> tuple[Verdict, ...]:
        """Every school of the catalog, in its order."""
        mine: dict[str, list[Stream]] = {code: [] for code in self.city.by_code}
        for stream in self.streams:
            mine[stream.school].append(stream)
        return tuple(self._school(code, streams) for code, streams in mine.items())

    def districts(self) -> tuple[Verdict, ...]:
        """The way between the city and each district."""
        found = []
        for district in self.city.districts:
            streams = [each for each in self.streams if self.city.school(each.school).district == district.id]
            found.append(self._verdict(Carrier.DISTRICT, district.id, district.backbone_mbps, None, streams))
        return tuple(found)

    def _school(self, code: str, streams: list[Stream]) -> Verdict:
        link = self.city.school(code).uplink
        contracted = link.contracted_mbps if link else 0.0
        return self._verdict(Carrier.SCHOOL, code, contracted, self.measured.get(code), streams)

    def _verdict(
        self, carrier: Carrier, name: str, contracted: float, measured: float | None, streams: list[Stream]
    ) -> Verdict:
        rate = contracted if measured is None else min(contracted, measured)
        usable = rate * self.city.link_budget.planned_share
        moments = sorted({(each.weekday, each.starts) for each in streams})
        every = {moment: [each for each in streams if each.on(*moment)] for moment in moments}
        together = {at: on for at, on in every.items() if not self.beside or any(each.recorded for each in on)}
        if not together:
            return Verdict(carrier, name, contracted, measured, usable, None, None, 0, 0.0, self.city.ladder[-1].id)
        worst = max(together, key=lambda moment: sum(self._crossing(carrier, together[moment])))
        rates = self._crossing(carrier, together[worst])
        largest = self._largest(carrier, together.values(), usable)
        lessons = tuple(dict.fromkeys(each.lesson for each in together[worst] if each.recorded))
        return Verdict(
            carrier, name, contracted, measured, usable, *worst, len(rates), round(sum(rates), 3), largest, lessons
        )

    def _crossing(self, carrier: Carrier, streams: Iterable[Stream], at_most: str | None = None) -> list[float]:
        """What crosses a link at once, Mbit/s each; no rendition larger than ``at_most``."""
        once, rooms = set[tuple[str, str, str]](), list[float]()
        for each in streams:
            rendition = self.smaller(each.rendition, at_most) if at_most else each.rendition
            if carrier is Carrier.DISTRICT and self.city.school(each.school).district in self.near:
                once.add((each.lesson, rendition, ""))
            elif self.boxed(each.school):
                once.add((each.lesson, rendition, each.school))
            else:
                rooms += [self.mbps(rendition)] * each.classes
        return sorted(self.mbps(rendition) for _, rendition, _ in once) + rooms

    def _largest(self, carrier: Carrier, moments: Iterable[list[Stream]], usable: float) -> str | None:
        together = list(moments)
        for rung in reversed(self.city.ladder):
            if all(round(sum(self._crossing(carrier, each, rung.id)), 3) <= usable for each in together):
                return rung.id
        return None


def promised(city: City, gives: str, weekly: str | None = None) -> dict[str, str]:
    """School code -> the rendition that it is promised of the class ``weekly`` of the school ``gives``, or of any of its classes.

    Where several promise it different ones, the smallest: whichever of them this is, it is not more than its link was judged for.
    """
    order, found = [rung.id for rung in city.ladder], dict[str, str]()
    for live in city.live_classes:
        for taking in live.takes if live.gives == gives and weekly in {None, live.id} else ():
            either = (taking.rendition, found.get(taking.school, taking.rendition))
            found[taking.school] = min(either, key=order.index)
    return found


def _streams(city: City, live: LiveClass) -> Iterator[Stream]:
    stage = next(alliance.stage for alliance in city.alliances if alliance.id == live.alliance)
    periods = {period.id: period for period in timetable.bells(city.timetable, stage).periods}
    for slot in live.slots:
        period = periods[slot.period]
        for taking in live.takes:
            yield _stream(live, taking, slot.weekday, period.starts, period.ends)


def _stream(live: LiveClass, taking: Taking, weekday: int, starts: time, ends: time) -> Stream:
    return Stream(live.id, taking.school, taking.rendition, taking.classes, weekday, starts, ends)


def sentence(city: City, verdict: Verdict) -> str:
    """One verdict in words, with what would fit where something does not."""
    who = _who(city, verdict)
    if verdict.weekday is None or verdict.starts is None:
        return f"{who}: no live class is promised"
    when = f"{DAYS[verdict.weekday - 1]} at {verdict.starts:%H:%M}"
    asked = (
        f"{verdict.streams} {'stream' if verdict.streams == 1 else 'streams'}, {verdict.needed:.1f} Mbit/s on {when}"
    )
    if verdict.recorded:
        asked += f" (not fetched ahead: {', '.join(verdict.recorded)})"
    if verdict.fits:
        return f"{who}: {asked}; fits into {verdict.usable:.1f}"
    return f"{who}: {asked}, and {_room(city, verdict)}: {_remedy(verdict)}"


def _who(city: City, verdict: Verdict) -> str:
    if verdict.carrier is Carrier.DISTRICT:
        return f"district {verdict.id} ({city.district(verdict.id).name.zh})"
    return f"school {verdict.id} ({city.school(verdict.id).name.zh})"


def _room(city: City, verdict: Verdict) -> str:
    if not verdict.contracted:
        return "no link is contracted"
    if verdict.measured is not None and verdict.measured < verdict.contracted:
        return f"of {verdict.measured:g} Mbit/s measured ({verdict.contracted:g} contracted) lessons may take {verdict.usable:.1f}"
    return f"of {verdict.contracted:g} Mbit/s contracted lessons may take {verdict.usable:.1f}"


def _remedy(verdict: Verdict) -> str:
    if verdict.largest:
        return f"promise {verdict.largest} at most"
    less = "show fewer of these lessons at once, promise" if verdict.recorded else "promise"
    return f"not even the smallest rendition fits: {less} fewer classes, or contract a faster link"


def refusals(city: City) -> list[str]:
    """Why the live classes of ``city`` cannot be promised over its contracted links, a sentence each; empty where they can."""
    budget = Budget(city, {})
    return [sentence(city, each) for each in (*budget.districts(), *budget.schools()) if not each.fits]
