"""The capacity model: what a moment of the school day asks of the platform, in requests and megabits per second. Pure arithmetic.

Lessons in school go through the school's link and may come from the school's cache; lessons at home go straight to the platform. How
many requests a visit makes follows from the pages and the player (``loadtests/viewer.py``, ``loadtests/visitor.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from catalog import City
from catalog.media import Rendition
from catalog.school import School
from derive import figures, timetable, traffic
from derive.traffic import Kind, Place

SIGN_IN_REQUESTS = 7
"""The page, its icon, style and script, the sign-in, who is there, the list of lessons."""
LOOK_UP_REQUESTS = 3
"""The page, who is there, and the list; the rest is in the browser's cache for ever."""
PLAY_REQUESTS = 9
"""The page, who is there, the list, the permission, the master playlist; for picture and sound a playlist and an initialisation each."""
TRACKS = 2
"""Picture and sound come in segments of their own."""
MINUTES = 24 * 60


@dataclass(frozen=True)
class Load:
    """What one moment asks of the platform."""

    moment: float
    """Seconds after midnight."""
    sign_ins: float
    """Sign-ins per second."""
    players: float
    """Lessons that play at once, whoever serves them."""
    requests: float
    """Requests per second at the gateway."""
    mbps: float
    """Megabits per second out of the gateway."""
    store_mbps: float
    """Megabits per second out of the object store, past the shield."""


@dataclass(frozen=True)
class Model:
    """A city's day, seen from the platform. ``cache`` is the share of a school's segments that its own cache serves, 0 to 1."""

    city: City
    cache: float = 0.0

    @cached_property
    def rushes(self) -> tuple[traffic.Rush, ...]:
        """The rushes of a school day."""
        return traffic.day(self.city)

    @cached_property
    def kbps(self) -> dict[tuple[str, str], float]:
        """(stage, place) -> mean bit rate of one player, kbit/s."""
        rates = link_kbps(self.city)
        found: dict[tuple[str, str], float] = {}
        for rush in (rush for rush in self.rushes if rush.kind is Kind.PLAY):
            people = traffic.crowd(self.city, Kind.PLAY, rush.stage, rush.place)
            each = {
                code: rates[code] if rush.place is Place.SCHOOL else stream_kbps(self.city, math.inf) for code in people
            }
            found[rush.stage, rush.place] = sum(each[code] * n for code, n in people.items()) / sum(people.values())
        return found

    def at(self, moment: float) -> Load:
        """What ``moment`` asks of the platform."""
        rate = {kind: traffic.rate((r for r in self.rushes if r.kind is kind), moment) for kind in Kind}
        players = segments = mbps = 0.0
        for rush in (rush for rush in self.rushes if rush.kind is Kind.PLAY):
            here = rush.present(moment)
            asking = here * (1 - self.cache if rush.place is Place.SCHOOL else 1)
            players, segments = players + here, segments + asking
            mbps += asking * self.kbps[rush.stage, rush.place] / 1000
        pages = (
            rate[Kind.SIGN_IN] * SIGN_IN_REQUESTS
            + rate[Kind.LOOK_UP] * LOOK_UP_REQUESTS
            + rate[Kind.PLAY] * PLAY_REQUESTS
        )
        requests = pages + segments * TRACKS / self.city.packaging.segment_seconds
        return Load(moment, rate[Kind.SIGN_IN], players, requests, mbps, mbps * (1 - figures.SHIELD_HITS.value))

    @cached_property
    def busiest(self) -> dict[str, Load]:
        """The moments to plan for: most sign-ins per second, most players in school, most players in the evening."""
        day = [self.at(minute * traffic.MINUTE) for minute in range(MINUTES)]
        home = traffic.seconds(min(timetable.bells(self.city.timetable, rush.stage).departure for rush in self.rushes))
        return {
            "sign-in peak": self.at(traffic.sign_in_peak(self.rushes)),
            "lesson peak": max((load for load in day if load.moment < home), key=lambda load: load.players),
            "evening peak": max((load for load in day if load.moment >= home), key=lambda load: load.players),
        }


def rendition(city: City, kbps: float) -> Rendition:
    """The best rendition that ``kbps`` carry with its sound; the smallest where none does."""
    fitting = [rung for rung in city.ladder if rung.video_kbps + city.packaging.audio_kbps <= kbps]
    return (fitting or city.ladder[:1])[-1]


def stream_kbps(city: City, kbps: float) -> float:
    """Bit rate of a player behind ``kbps``, sound included: never more than there is."""
    return min(kbps, rendition(city, kbps).video_kbps + city.packaging.audio_kbps)


def at_once(city: City) -> dict[str, float]:
    """School code -> lessons that play at once in one period, through all of its stages; at least one where there are any."""
    found: dict[str, float] = {}
    for stage in {stage for school in city.schools for stage in school.stages}:
        periods = len(timetable.bells(city.timetable, stage).periods)
        for code, plays in traffic.crowd(city, Kind.PLAY, stage, Place.SCHOOL).items():
            found[code] = found.get(code, 0.0) + plays / periods
    return {code: max(1.0, plays) for code, plays in found.items()}


def share_kbps(city: City, school: School, players: float) -> float:
    """What a school's link leaves for each of ``players`` lessons at once, kbit/s; 0 without a link."""
    return school.uplink.contracted_mbps * 1000 * city.link_budget.planned_share / players if school.uplink else 0.0


def link_kbps(city: City) -> dict[str, float]:
    """School code -> bit rate of one lesson there when all that are wanted at once share the link, kbit/s."""
    return {
        code: stream_kbps(city, share_kbps(city, city.school(code), players)) for code, players in at_once(city).items()
    }
