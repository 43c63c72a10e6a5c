"""Who comes when, on a school day: derived from the city's schools and bells. Pure.

The day is a list of rushes: the sign-ins around the first bell, the plays at the start of each lesson, the look-ups in the break
before, the evening at home. A rush spreads its people over a triangle of time, so that its sum and its rate are exact. Times are
seconds after midnight in the city's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from itertools import pairwise

from catalog import City
from catalog.school import School, Stage
from catalog.timetable import BellSchedule
from derive import figures, timetable

MINUTE = 60.0


class Kind(StrEnum):
    """What a person comes for; not who the person is."""

    SIGN_IN = "sign-in"
    LOOK_UP = "look-up"
    PLAY = "play"


class Place(StrEnum):
    """Where a person sits, and so whose link carries the lesson."""

    SCHOOL = "school"
    HOME = "home"


@dataclass(frozen=True)
class Rush:
    """People of one stage who come for one thing within a triangle of time: most at ``peak``, none outside ``starts`` to ``ends`` (s)."""

    kind: Kind
    stage: Stage
    place: Place
    starts: float
    peak: float
    ends: float
    people: float
    lasts: float = 0.0
    """How long each of them watches, s; 0 where nothing is watched."""

    def rate(self, moment: float) -> float:
        """People per second at ``moment``."""
        if not self.starts <= moment <= self.ends:
            return 0.0
        rising = moment < self.peak
        side = self.peak - self.starts if rising else self.ends - self.peak
        height = 2 * self.people / (self.ends - self.starts)
        return height * ((moment - self.starts if rising else self.ends - moment) / side if side else 1.0)

    def arrived(self, moment: float) -> float:
        """People who have come by ``moment``."""
        whole = self.ends - self.starts
        if moment <= self.starts:
            return 0.0
        if moment >= self.ends:
            return self.people
        if moment < self.peak:
            return self.people * (moment - self.starts) ** 2 / (whole * (self.peak - self.starts))
        return self.people * (1 - (self.ends - moment) ** 2 / (whole * (self.ends - self.peak)))

    def present(self, moment: float) -> float:
        """People of the rush who watch at ``moment``."""
        return self.arrived(moment) - self.arrived(moment - self.lasts)


def crowd(city: City, kind: Kind, stage: Stage, place: Place) -> dict[str, float]:
    """School code -> people of that stage who come for ``kind`` in a whole day; schools where nobody does are left out."""
    count = _at_home if place is Place.HOME else _in_school
    found = {school.code: count(school, kind) / len(school.stages) for school in city.schools if stage in school.stages}
    return {code: people for code, people in found.items() if people > 0}


def _in_school(school: School, kind: Kind) -> float:
    """Through the school's link: nobody where there is none. A device is one person at a time, a teacher has one of his own."""
    if school.uplink is None:
        return 0.0
    plays = school.students * figures.PLAYS_PER_STUDENT.value * (1 - figures.PHONE_SHARE.value)
    return {
        Kind.SIGN_IN: min(school.devices, school.students) + school.teachers,
        Kind.PLAY: plays,
        Kind.LOOK_UP: plays * figures.LOOK_UPS_PER_PLAY.value,
    }[kind]


def _at_home(school: School, kind: Kind) -> float:
    plays = school.students * figures.PLAYS_PER_STUDENT.value * figures.PHONE_SHARE.value
    return {Kind.SIGN_IN: plays * figures.HOME_SIGN_INS_PER_PLAY.value, Kind.PLAY: plays, Kind.LOOK_UP: 0.0}[kind]


def day(city: City) -> tuple[Rush, ...]:
    """Every rush of a school day."""
    return tuple(rush for stage in Stage for rush in _stage(city, stage) if rush.people > 0)


def _stage(city: City, stage: Stage) -> Iterator[Rush]:
    if not any(stage in school.stages for school in city.schools):
        return
    schedule = timetable.bells(city.timetable, stage)
    people = {(kind, place): sum(crowd(city, kind, stage, place).values()) for kind in Kind for place in Place}
    first = seconds(schedule.periods[0].starts)
    arrival, end = seconds(schedule.arrival), first + figures.SIGN_IN_END.value * MINUTE
    peak = max(arrival, first - figures.SIGN_IN_PEAK.value * MINUTE)
    yield Rush(Kind.SIGN_IN, stage, Place.SCHOOL, arrival, peak, end, people[Kind.SIGN_IN, Place.SCHOOL])
    yield from _lessons(schedule, stage, people)
    yield from _evening(schedule, stage, people)


def _lessons(schedule: BellSchedule, stage: Stage, people: dict[tuple[Kind, Place], float]) -> Iterator[Rush]:
    plays = people[Kind.PLAY, Place.SCHOOL] / len(schedule.periods)
    for period in schedule.periods:
        bell, lasts = seconds(period.starts), seconds(period.ends) - seconds(period.starts)
        peak, end = (bell + figure.value * MINUTE for figure in (figures.PLAY_PEAK, figures.PLAY_END))
        yield Rush(Kind.PLAY, stage, Place.SCHOOL, bell, peak, end, plays, lasts)
    breaks = [(seconds(one.ends), seconds(two.starts)) for one, two in pairwise(schedule.periods)]
    breaks = [(starts, ends) for starts, ends in breaks if ends > starts]
    for starts, ends in breaks:
        yield Rush(
            Kind.LOOK_UP, stage, Place.SCHOOL, starts, (starts + ends) / 2, ends,
            people[Kind.LOOK_UP, Place.SCHOOL] / len(breaks),
        )  # fmt: skip


def _evening(schedule: BellSchedule, stage: Stage, people: dict[tuple[Kind, Place], float]) -> Iterator[Rush]:
    """From the departure to bed; an hour where the school day ends later than that."""
    starts = seconds(schedule.departure)
    ends = max(seconds(figures.BED_TIME[stage]), starts + 60 * MINUTE)
    lesson = schedule.periods[0]
    lasts = seconds(lesson.ends) - seconds(lesson.starts)
    for kind in (Kind.SIGN_IN, Kind.PLAY):
        watched = lasts if kind is Kind.PLAY else 0.0
        yield Rush(kind, stage, Place.HOME, starts, (starts + ends) / 2, ends, people[kind, Place.HOME], watched)


def seconds(moment: time) -> float:
    """Seconds after midnight."""
    return moment.hour * 3600 + moment.minute * MINUTE + moment.second


def arrived(rushes: Iterable[Rush], moment: float) -> float:
    """People of ``rushes`` who have come by ``moment``."""
    return sum(rush.arrived(moment) for rush in rushes)


def rate(rushes: Iterable[Rush], moment: float) -> float:
    """People per second at ``moment``."""
    return sum(rush.rate(moment) for rush in rushes)


def peak(rushes: Iterable[Rush]) -> float:
    """Most people per second, at any moment: a sum of triangles is highest where one of them has its top. 0 for none."""
    known = tuple(rushes)
    return max((rate(known, rush.peak) for rush in known), default=0.0)


def sign_in_peak(rushes: Iterable[Rush]) -> float:
    """The second of the day with the most sign-ins per second: the 7:55 of a city whose first bell rings at 8."""
    signing = [rush for rush in rushes if rush.kind is Kind.SIGN_IN]
    return max((rush.peak for rush in signing), key=lambda moment: rate(signing, moment))


def shares(city: City) -> dict[str, float]:
    """School code -> its share of the day's visits; they sum to 1."""
    visits = dict.fromkeys(city.by_code, 0.0)
    for rush in day(city):
        people = crowd(city, rush.kind, rush.stage, rush.place)
        whole = sum(people.values())
        for code, number in people.items():
            visits[code] += rush.people * number / whole
    total = sum(visits.values())
    return {code: each / total for code, each in visits.items()}
