"""What is promised week after week over the schools' links: live classes, and how much of a link may be promised."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from catalog.types import AllianceId, Fact, Names, SchoolCode, Sentence, Slug, TimeOfDay

Weekday = Annotated[int, Field(ge=1, le=7)]
"""A day of the week: 1 is Monday."""
Share = Annotated[float, Field(gt=0, le=1)]
"""A part of a whole, more than 0 and at most 1."""


class Slot(Fact):
    """A lesson of the week."""

    weekday: Weekday
    """The day: 1 is Monday; a make-up day follows the weekday that the timetable says."""
    period: Slug
    """A period of the bells that the alliance's stage keeps."""


class Taking(Fact):
    """A school that takes part in a live class."""

    school: SchoolCode
    """A member of the alliance."""
    classes: Annotated[int, Field(ge=1, le=1000)]
    """How many of its classes watch at once, each in its own room."""
    rendition: Slug
    """The best rendition of the ladder that it is promised, as the budget counts it; players at its box keep to it."""


class LiveClass(Fact):
    """A class that a school gives live to its alliance, every week of every term."""

    id: Slug
    """Short id."""
    name: Names
    """Its name."""
    alliance: AllianceId
    """The alliance inside which it is live."""
    gives: SchoolCode
    """The school that gives it, a member of the alliance."""
    slots: Annotated[tuple[Slot, ...], Field(min_length=1)]
    """When, each week."""
    takes: Annotated[tuple[Taking, ...], Field(min_length=1)]
    """The schools that take part, by agreement."""


class LinkBudget(Fact):
    """How much may be promised over a link, and when lessons are fetched ahead; the same for every school."""

    planned_share: Share
    """Part of a link's rate that lessons may take in school hours; the rest is for everything else that a school does."""
    overhead: Annotated[float, Field(ge=1, le=2)]
    """Bits on the link for one bit of picture or sound: HTTP, TLS, TCP, IP and frames."""
    prefetch_from: TimeOfDay
    """From when boxes fetch tomorrow's lessons, in the evening before or, if earlier than ``prefetch_to``, on the day itself."""
    prefetch_to: TimeOfDay
    """Until when."""
    prefetch_share: Share
    """Part of a link's rate that this may take in that time."""
    prefetch_gib: Annotated[int, Field(ge=1, le=10_000)]
    """Most that a box fetches ahead for one day, GiB: less than its cache, or the last lesson drives out the first."""
    sample_seconds: Annotated[int, Field(ge=1, le=60)]
    """How long a box measures its link, once in a night for which something is planned; nothing holds it back in that time."""
    sample_mib: Annotated[int, Field(ge=1, le=1024)]
    """Most that it transfers for that, MiB."""
    measured_days: Annotated[int, Field(ge=1, le=366)]
    """How many days what a box measured counts; after that its contract alone does, and the budget says so."""
    boxless: tuple[SchoolCode, ...]
    """Schools without a box: there each class fetches for itself, and nothing is fetched ahead."""
    source: Sentence
    """Where these figures come from."""

    @property
    def over_midnight(self) -> bool:
        """Whether the time of fetching ahead begins in the evening before."""
        return self.prefetch_from >= self.prefetch_to

    @property
    def measured_seconds(self) -> int:
        """How long what a box measured counts, seconds."""
        return self.measured_days * 86_400

    def link_mbps(self, kbps: float) -> float:
        """What ``kbps`` kbit/s of picture and sound take of a link, Mbit/s."""
        return kbps * self.overhead / 1000
