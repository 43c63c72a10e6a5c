"""What each school's box fetches in the night before: tomorrow's recorded lessons, in order, in renditions that the link carries. Pure.

All lessons of a school come in one rendition, the largest in which the night carries them all; where not even the smallest does, what is
needed first goes first and the rest is named. The same timetable and the same media give the same plan but for its moment; a plan that
differs has another version and takes the place of the one before, which ends there.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog import City, names
from derive import link_budget, timetable
from derive.lesson_media import Media, Object
from derive.link_budget import Budget, Carrier, Stream, Verdict
from derive.moments import stamp

KEY = "plans/{school}.json"
"""Key of a school's plan in the bucket of lessons."""
CACHE = "public, max-age=5"
"""A plan that is replaced reaches every box within seconds; all boxes of a district asking at once are one read."""
HEAD_BYTES = 64 << 10
"""Within that a plan has said all but its items, of which a day has megabytes."""
LESSONS, ITEMS = "lessons", "items"
BYTES_PER_KBPS = 125
"""Bytes that 1 kbit/s carries in a second."""


@dataclass(frozen=True)
class Showing:
    """A lesson that is shown in a school."""

    school: str
    lesson: str
    needed_by: int
    """The bell, Unix seconds."""
    classes: int
    ends: int = 0
    """The last bell, Unix seconds."""


@dataclass(frozen=True)
class Item:
    """One object to fetch."""

    path: str
    bytes: int
    needed_by: int
    lesson: str


@dataclass(frozen=True)
class Sample:
    """How a box measures its link in the night."""

    not_before: int
    """From when on, Unix seconds."""
    seconds: int
    mib: int
    """Most that it transfers, MiB."""


@dataclass(frozen=True)
class Plan:
    """A school's night. Moments are Unix seconds."""

    school: str
    not_before: int
    not_after: int
    kbps: int
    """Kilobits of lessons per second, protocols not counted."""
    most: int
    """Bytes that the box keeps for one day."""
    items: tuple[Item, ...] = ()
    """In the order of fetching."""
    lessons: Mapping[str, str] = field(default_factory=dict)
    """What is fetched, in order: lesson -> rendition."""
    left_out: tuple[str, ...] = ()
    """What the night does not carry, in the order in which it is needed."""
    over: int = 0
    """Bytes that all lessons in their smallest renditions have more than there is room for."""
    rendition: str | None = None
    """The rendition of all that is fetched, or the largest below it that a lesson has; None where nothing is."""
    why: str = ""
    """Why nothing can be fetched ahead in this school; empty where something can."""
    sample: Sample | None = None
    """None where the box is not asked to measure."""

    @property
    def bytes(self) -> int:
        """What is fetched."""
        return sum(item.bytes for item in self.items)

    @property
    def room(self) -> int:
        """Bytes that the night carries and the box keeps."""
        return min(self.most, self.kbps * BYTES_PER_KBPS * (self.not_after - self.not_before))

    @property
    def version(self) -> str:
        """Twelve hex digits of what the box is asked to do; not of when that was written down."""
        text = json.dumps(self._asked(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _asked(self) -> dict[str, Any]:
        return {
            "school": self.school,
            "window": {"not_before": self.not_before, "not_after": self.not_after},
            "kbps": self.kbps,
            ITEMS: [asdict(item) for item in self.items],
            **({"sample": asdict(self.sample)} if self.sample else {}),
        }

    def document(self, made: datetime) -> dict[str, Any]:
        """The plan as its box reads it; before the items all that is small, for who reads no further (`head`)."""
        asked = self._asked()
        items = asked.pop(ITEMS)
        return {**asked, "version": self.version, "made": stamp(made), LESSONS: dict(self.lessons), ITEMS: items}


@dataclass(frozen=True)
class Night:
    """The night before a day of a city. ``measured`` is school code -> Mbit/s, where somebody measured; ``boxes`` as in a `Budget`."""

    city: City
    day: date
    measured: Mapping[str, float]
    boxes: bool = True

    @property
    def window(self) -> tuple[int, int]:
        """The time of fetching ahead, Unix seconds."""
        budget, zone = self.city.link_budget, ZoneInfo(self.city.timezone)
        first = self.day - timedelta(days=1) if budget.over_midnight else self.day
        begins = datetime.combine(first, budget.prefetch_from, zone)
        return int(begins.timestamp()), int(datetime.combine(self.day, budget.prefetch_to, zone).timestamp())

    def kbps(self, school: str) -> int:
        """What a school's link has for lessons, kbit/s, protocols taken off; at least 1, since a box refuses a plan without a rate."""
        link = self.city.school(school).uplink
        rate = min(link.contracted_mbps, self.measured.get(school, link.contracted_mbps)) if link else 0.0
        return self._lessons(rate)

    def _lessons(self, mbps: float) -> int:
        """What a link of ``mbps`` Mbit/s has for lessons at night, kbit/s."""
        return max(1, int(mbps * 1000 * self.city.link_budget.prefetch_share / self.city.link_budget.overhead))

    def plans(self, showings: Iterable[Showing], media: Mapping[str, Media]) -> tuple[Plan, ...]:
        """A plan for each school that shows anything, in the catalog's order."""
        mine: dict[str, list[Showing]] = {}
        for each in showings:
            mine.setdefault(each.school, []).append(each)
        rates = self.rates(code for code in mine if not self._hindrance(code))
        return tuple(self.plan(code, mine[code], media, rates.get(code)) for code in self.city.by_code if code in mine)

    def rates(self, schools: Iterable[str]) -> dict[str, int]:
        """School code -> kbit/s at which it fetches when all of ``schools`` do: together no more than their district's link has for it.

        Fast links give way first: all that is over one height is cut off there, and thin links keep what they have.
        """
        found, wanted = dict[str, int](), {code: self.kbps(code) for code in schools}
        for district in self.city.districts:
            mine = {code: rate for code, rate in wanted.items() if self.city.school(code).district == district.id}
            found |= _shared(mine, self._lessons(district.backbone_mbps))
        return found

    def plan(
        self, school: str, showings: Iterable[Showing], media: Mapping[str, Media], kbps: int | None = None
    ) -> Plan:
        """The plan of one school, at ``kbps`` kbit/s or at what its own link has."""
        empty, wanted = self.cancelled(school), _in_order(showings)
        empty = replace(empty, kbps=kbps or empty.kbps)
        if why := self._hindrance(school):
            return replace(empty, left_out=tuple(wanted), why=why)
        found = self._fetched(empty, wanted, media)
        came = {lesson: at_most(self.city, media[lesson], most) for lesson, most in found.lessons.items()}
        return replace(found, lessons=came)

    def _fetched(self, empty: Plan, wanted: Mapping[str, int], media: Mapping[str, Media]) -> Plan:
        smallest, *_ = ladder = self.city.ladder
        for rung in reversed(ladder):
            items = {lesson: _items(self.city, media[lesson], rung.id, at) for lesson, at in wanted.items()}
            if sum(item.bytes for each in items.values() for item in each) <= empty.room:
                return _filled(empty, items, rung.id)
        return _first(empty, items, smallest.id)

    def cancelled(self, school: str) -> Plan:
        """A plan that fetches nothing, in the place of one whose lessons are not shown any more."""
        most = self.city.link_budget.prefetch_gib << 30
        return Plan(school, *self.window, self.kbps(school), most, sample=self.sample(school))

    def sample(self, school: str) -> Sample:
        """When the box of ``school`` measures: those of a district one after the other, or they would measure each other on its link.

        Each has twice its time: its connections are warmed up first, and the object in hand is fetched to its end before.
        """
        budget, (begins, ends) = self.city.link_budget, self.window
        neighbours = self.city.by_district[self.city.school(school).district]
        turn = [each.code for each in neighbours].index(school) * 2 * budget.sample_seconds
        return Sample(begins + turn % (ends - begins), budget.sample_seconds, budget.sample_mib)

    def _hindrance(self, school: str) -> str:
        if not self.city.school(school).uplink:
            return "no link is contracted"
        return "" if self.boxes and school not in self.city.link_budget.boxless else "there is no box"


def head(text: bytes) -> dict[str, Any]:
    """What a published plan says before its items; ``text`` is its beginning. Raises ValueError for what is no plan."""
    said, items, _ = text.decode(errors="replace").partition(f',"{ITEMS}":')
    found = json.loads(said + "}") if items else None
    if not isinstance(found, dict):
        raise ValueError(f"no plan: {text[:40]!r}")
    return found


def _shared(wanted: Mapping[str, int], whole: int) -> dict[str, int]:
    """``wanted`` cut at one height, so that it sums to ``whole`` at most; nobody gets less than 1."""
    found, left = dict[str, int](), whole
    for done, code in enumerate(sorted(wanted, key=lambda one: (wanted[one], one))):
        found[code] = max(1, min(wanted[code], left // (len(wanted) - done)))
        left -= found[code]
    return found


def _in_order(showings: Iterable[Showing]) -> dict[str, int]:
    """Lesson -> when it is first needed; first what is needed first, then what most classes watch."""
    needed, classes = dict[str, int](), dict[str, int]()
    for each in showings:
        needed[each.lesson] = min(each.needed_by, needed.get(each.lesson, each.needed_by))
        classes[each.lesson] = classes.get(each.lesson, 0) + each.classes
    return {lesson: needed[lesson] for lesson in sorted(needed, key=lambda one: (needed[one], -classes[one], one))}


def _items(city: City, media: Media, rendition: str, needed_by: int) -> list[Item]:
    """All that a class needs of a lesson in ``rendition``, or in the largest below it that the lesson has."""
    found: list[Object] = [*media.shared, *media.renditions[at_most(city, media, rendition)]]
    return [Item(f"/{names.BUCKET_LESSONS}/{each.key}", each.bytes, needed_by, media.lesson) for each in found]


def at_most(city: City, media: Media, rendition: str) -> str:
    """The lesson's largest rendition that is not larger than ``rendition``; its smallest where all are."""
    order = [rung.id for rung in city.ladder]
    mine = sorted(media.renditions, key=lambda one: order.index(one) if one in order else len(order))
    below = [one for one in mine if one in order and order.index(one) <= order.index(rendition)]
    return below[-1] if below else mine[0]


def _first(empty: Plan, items: Mapping[str, list[Item]], rendition: str) -> Plan:
    """Of what does not fit as a whole, what is needed first; a smaller lesson may still fit behind one that does not."""
    kept, left, room = dict[str, list[Item]](), list[str](), empty.room
    sizes = {lesson: sum(item.bytes for item in each) for lesson, each in items.items()}
    for lesson, each in items.items():
        size = sizes[lesson]
        if size <= room:
            kept[lesson] = each
            room -= size
        else:
            left.append(lesson)
    filled = _filled(empty, kept, rendition)
    return replace(filled, left_out=tuple(left), over=sum(sizes.values()) - empty.room)


def _filled(empty: Plan, items: Mapping[str, list[Item]], rendition: str) -> Plan:
    listed = tuple(item for each in items.values() for item in each)
    lessons = dict.fromkeys(items, rendition)
    return replace(empty, items=listed, lessons=lessons, rendition=rendition if items else None)


def crossing(city: City, day: date, showings: Iterable[Showing], plans: Iterable[Plan]) -> tuple[Stream, ...]:
    """What crosses the schools' links while it is watched: lessons that no night brings, in the smallest rendition."""
    left = {(plan.school, lesson) for plan in plans for lesson in plan.left_out}
    weekday, zone = timetable.keeps(city.timetable, day), ZoneInfo(city.timezone)
    return tuple(
        Stream(
            each.lesson, each.school, city.ladder[0].id, each.classes, weekday or day.isoweekday(),
            datetime.fromtimestamp(each.needed_by, zone).time(), datetime.fromtimestamp(each.ends, zone).time(), recorded=True,
        )
        for each in showings
        if (each.school, each.lesson) in left
    )  # fmt: skip


def refusals(night: Night, showings: Iterable[Showing], plans: Iterable[Plan]) -> list[str]:
    """Why lessons that no night brings cannot be watched beside the live classes either, a sentence for each link; empty where they can."""
    listed = list(plans)
    recorded = crossing(night.city, night.day, showings, listed)
    links = Budget(night.city, night.measured, night.boxes, recorded, beside=True)
    return [refusal(night.city, each, listed) for each in (*links.districts(), *links.schools()) if not each.fits]


def refusal(city: City, verdict: Verdict, plans: Iterable[Plan]) -> str:
    """Why a link cannot carry what is promised and what no night brings, and what the night of ``plans`` lacks."""
    said = link_budget.sentence(city, verdict)
    lacks = [_lack(plan) for plan in plans if plan.school == verdict.id and verdict.carrier is Carrier.SCHOOL]
    return "; ".join([said, *lacks]) if verdict.recorded else said


def sentence(city: City, plan: Plan) -> str:
    """What is not fetched ahead and why, in words; empty where everything is."""
    if not plan.left_out:
        return ""
    limit = "the box keeps for a day" if plan.room == plan.most else "the night carries"
    what = f"{len(plan.left_out)} of {len(plan.left_out) + len(plan.lessons)} lessons are not fetched ahead"
    room = f"not even in {city.ladder[0].id} do all fit into the {plan.room / 1e9:.1f} GB that {limit}"
    why = plan.why or f"{room}, {_lack(plan)}"
    listed = ", ".join(plan.left_out[:3]) + (", ..." if len(plan.left_out) > 3 else "")  # noqa: PLR2004  # enough to find them
    return f"school {plan.school} ({city.school(plan.school).name.zh}): {what}: {why} ({listed})"


def _lack(plan: Plan) -> str:
    """What it would take to fetch all of it ahead."""
    if plan.why:
        return plan.why
    if plan.room == plan.most:
        return f"the box is {math.ceil(plan.over / 1e8) / 10:g} GB too small"
    minutes = math.ceil(plan.over / (plan.kbps * BYTES_PER_KBPS * 60))
    return f"the night is {minutes} {'minute' if minutes == 1 else 'minutes'} too short"
