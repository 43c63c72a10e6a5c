"""Whether what is to be brought to a school may be watched there: asked of the compiled tables, as `huiju access explain` does.

A night over a thin link is not spent on what the platform refuses in class. It is enough that a pupil or a teacher of the school may,
and may from the bell to the bell; of a licence with paid seats, that one who holds a seat may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final, Self

from catalog import City
from catalog.errors import UserError
from catalog.roster import RosterRole
from derive.prefetch import Showing
from policies.access import document
from services.entitlement import reasons
from services.entitlement.rules import Decision, Lesson, Person, Rules

CLASS: Final = (RosterRole.TEACHER, RosterRole.STUDENT)
"""Who is in a room where a lesson is shown."""
LATER: Final = frozenset({"licence-not-begun", "agreement-not-begun", "not-yet-published"})
"""Refusals that end by themselves: a cache may hold the lesson before."""


@dataclass(frozen=True)
class Refused:
    """That somebody may not, when, and why."""

    person: Person
    at: datetime
    decision: Decision


@dataclass(frozen=True)
class Rights:
    """Answers for one city. ``stack`` is the one whose lessons are meant."""

    city: City
    rules: Rules
    stack: str

    @classmethod
    def of(cls, city: City, stack: str) -> Self:
        """By the catalog as it is here."""
        return cls(city, Rules(document.document(city)), stack)

    def refused(self, showings: Iterable[Showing], lessons: Mapping[str, Lesson]) -> dict[Showing, str]:
        """Why each of ``showings`` that nobody in the room may watch is refused, in words; without those of no lesson of ``lessons``."""
        why = cache(lambda school, lesson, starts, ends: self._why(lessons[lesson], school, (starts, ends - 1)))
        found = {
            each: why(each.school, each.lesson, each.needed_by, each.ends)
            for each in showings
            if each.lesson in lessons
        }
        return {showing: said for showing, said in found.items() if said}

    def refuse(self, lesson: Lesson, school: str | None, now: datetime) -> None:
        """Raise `UserError` where no pupil or teacher of ``school``, without it nobody, may play the lesson, nor will by waiting."""
        answers = (self._decision(each, lesson, now) for each in self._people(school))
        if any(each.allowed or each.reason in LATER for each in answers):
            return
        # Whoever is nearest to it says best why.
        near = lesson.school if lesson.school in self.city.by_code else self.city.schools[0].code
        said = self._said(lesson, [self._one(each, lesson, (now,)) for each in self._class(school or near)])
        whom = f"in {self._called(school)}" if school else "by anybody"
        raise UserError(f"{lesson.id} may not be watched {whom}, so no cache needs it: {said}")

    def _why(self, lesson: Lesson, school: str, moments: Sequence[int]) -> str:
        """Why nobody in the room may play ``lesson`` at all of ``moments`` (Unix seconds); empty where one may."""
        times = [datetime.fromtimestamp(each, UTC) for each in moments]
        answers = [self._one(each, lesson, times) for each in self._class(school)]
        if None in answers:
            return ""
        return f"{lesson.id} may not be watched in {self._called(school)} then: {self._said(lesson, answers)}"

    def _decision(self, person: Person, lesson: Lesson, now: datetime) -> Decision:
        """As for somebody who holds a seat: who will hold one when class begins is not known today."""
        return self.rules.decide(person, lesson, now, seat=self.rules.seat_until([None]))

    def _one(self, person: Person, lesson: Lesson, times: Iterable[datetime]) -> Refused | None:
        """The first moment at which ``person`` may not."""
        asked = (Refused(person, each, self._decision(person, lesson, each)) for each in times)
        return next((each for each in asked if not each.decision.allowed), None)

    def _said(self, lesson: Lesson, answers: Iterable[Refused | None]) -> str:
        """Each reason once, in both languages, and what to type to ask about the first."""
        by_reason = dict[str, Refused]()
        for each in filter(None, answers):
            by_reason.setdefault(each.decision.reason or "", each)
        first = next(iter(by_reason.values()))
        place = f" --tier {first.person.tier} --school {first.person.school}" if first.person.signed_in else ""
        stack = "" if self.stack == "local" else f" --stack {self.stack}"
        local = first.at.astimezone(self.rules.zone).replace(tzinfo=None, microsecond=0)
        at = local.isoformat(timespec="seconds" if local.second else "minutes")
        told = (reasons.text(reason, each.decision.facts) for reason, each in by_reason.items())
        words = " ".join(f"{each['en']} {each['zh']}" for each in told)
        return f"{words} `huiju access explain {lesson.id}{place} --at {at}{stack}` says more"

    def _class(self, school: str) -> list[Person]:
        tiers = [each.id for role in CLASS for each in self.city.tiers if role in each.roster_roles]
        return [Person(each, school) for each in dict.fromkeys(tiers)] or [self.rules.public()]

    def _people(self, school: str | None) -> list[Person]:
        """Who is in a room of ``school``; without it people of every tier: partners are there by the schools of their agreements."""
        every = [Person(tier, code) for tier in self.rules.tiers for code in self.rules.schools]
        return self._class(school) if school else every

    def _called(self, school: str) -> str:
        return f"{school} ({self.city.school(school).name.zh})"
