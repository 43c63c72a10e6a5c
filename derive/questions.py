"""A question of access as data: who asks, to do what, with which resource, when. Only facts; what follows is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalog import names
from catalog.access import Action

PROFILE = names.RESOURCE_PROFILE
READINGS = names.RESOURCE_READINGS
LESSON, LIVE = names.RESOURCE_LESSON, names.RESOURCE_LIVE
VIEWING = Action.VIEW
PLAYING = (Action.VIEW, Action.LEARN)
"""Either lets a lesson be played."""
TAKING = Action.DOWNLOAD
"""Lets a lesson be taken away."""
REPORTING = (Action.REPORT, Action.ADMINISTER)
"""Either lets the city's readings be seen."""


@dataclass(frozen=True)
class Person:
    """Who asks, by the facts that a session states; every one of them may be absent."""

    id: str
    tier: str
    schools: tuple[str, ...] = ()
    """Codes of the schools to which the person, or the person's child, belongs."""
    classes: tuple[str, ...] = ()
    """Of ``schools`` alone, and asked about nothing of another school: a class's id says which one only within its own."""
    children: tuple[str, ...] = ()
    district: str | None = None
    """Where the person works for a district, and for no school."""
    partner: str | None = None
    city: bool = False
    """Whether the person works for the whole city."""


@dataclass(frozen=True)
class Thing:
    """One resource, by the facts that its record states."""

    id: str
    resource: str
    """Id of its class."""
    school: str | None = None
    person: str | None = None
    group: str | None = None
    """The class (of pupils) of the person whose data they are."""
    age: int | None = None
    consent: bool = False
    licence: str | None = None
    published: int | None = None
    """Unix seconds."""
    subject: str | None = None
    """Id of what is taught in it; None: none of the city's."""


@dataclass(frozen=True)
class Question:
    """May ``who`` do ``action`` with ``what`` at ``now`` (Unix seconds), holding a seat of its licence or not?"""

    who: Person
    action: Action
    what: Thing
    now: int
    seat: bool = False


def playing(who: Person, lesson: Thing, now: datetime, *, seat: bool = False) -> tuple[Question, ...]:
    """What is asked when somebody wants to play a lesson at ``now`` (aware): a yes to any of them is enough.

    ``seat``: they hold one of its licence then.
    """
    return tuple(Question(who, action, lesson, int(now.timestamp()), seat) for action in PLAYING)


def downloading(who: Person, lesson: Thing, now: datetime, *, seat: bool = False) -> tuple[Question, ...]:
    """What is asked when somebody wants to take a lesson away at ``now`` (aware); ``seat`` as for `playing`."""
    return (Question(who, TAKING, lesson, int(now.timestamp()), seat),)


def reporting(who: Person, now: datetime) -> tuple[Question, ...]:
    """What is asked when somebody wants to see the readings of the whole city at ``now`` (aware): a yes to any of them is enough."""
    return tuple(Question(who, action, Thing(READINGS, READINGS), int(now.timestamp())) for action in REPORTING)


def viewing(who: Person, things: Iterable[Thing], now: datetime) -> tuple[Question, ...]:
    """What is asked when somebody wants to see what ``things`` are forms of at ``now`` (aware): a yes to any of them is enough."""
    return tuple(Question(who, VIEWING, each, int(now.timestamp())) for each in things)


def profile(person: str, school: str, group: str | None = None, *, consent: bool) -> Thing:
    """A pupil's profile, as of one school and one of its classes; ``consent``: a guardian has agreed, or has no say."""
    return Thing(person, PROFILE, school=school, person=person, group=group, consent=consent)


def lesson(lesson_id: str, school: str, licence: str, published: datetime, subject: str | None = None) -> Thing:
    """A lesson by what of its record counts; ``published`` is aware, ``subject`` the id of one of the city's."""
    since = int(published.timestamp())
    return Thing(lesson_id, LESSON, school=school, licence=licence, published=since, subject=subject)


def live(lesson_id: str, school: str, subject: str | None = None) -> Thing:
    """A lesson while it is streamed live: no licence has a say in it."""
    return Thing(lesson_id, LIVE, school=school, subject=subject)
